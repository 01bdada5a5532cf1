// Points of a plot show their picture under the pointer, or under the arrow keys when the plot has the focus.
for (const plot of document.querySelectorAll('[data-points]')) {
  const info = JSON.parse(plot.querySelector('script').textContent);
  const picture = plot.querySelector('.peek div'), words = plot.querySelector('.peek p');
  const marks = [...plot.querySelectorAll('[data-i]')];
  let at = -1;
  const show = (n) => {
    if (at >= 0) marks[at].classList.remove('chosen');
    at = n;
    marks[at].classList.add('chosen');
    const i = Number(marks[at].dataset.i);
    words.textContent = info.words[i];
    if (info.width) {
      const zoom = info.zoom, column = i % info.columns, row = Math.floor(i / info.columns);
      picture.style.backgroundPosition = `${-column * info.width * zoom}px ${-row * info.height * zoom}px`;
    }
  };
  marks.forEach((mark, n) => mark.addEventListener('pointerenter', () => show(n)));
  plot.querySelector('[tabindex]').addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step && marks.length) { show((at + step + marks.length) % marks.length); event.preventDefault(); }
  });
}
