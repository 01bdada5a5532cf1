//! Folders of PNG and JPEG files; sub-folders are classes.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageReader, Limits, imageops::FilterType};

use crate::{Error, Result, budget};

use super::readers::{Reader, folder_name};
use super::{Cells, Column, Dataset, Kind, OpenOptions, Role, Rows, Schema};

/// A folder of pictures.
pub(super) const READER: Reader = Reader {
    name: "a folder of pictures",
    reads: "PNG and JPEG files, those of a sub-folder a class; a folder without idx files",
    settings: &["size"],
    knows: Path::is_dir,
    read: read_folder,
};

/// A picture larger than this on a side is refused before it is decoded.
const MAX_SIDE: u32 = 16_384;
/// So is one of more pixels, 64 million.
const MAX_PIXELS: u64 = 1 << 26;
/// Bytes of profiles and the like beside the pixels.
const MAX_BESIDE: u64 = 16 << 20;

/// Reads every PNG and JPEG of a folder, in the order of their names.
///
/// Pictures are grey when all of them are, else RGB. `options.size` resizes
/// them to a square; without it all must have one size.
///
/// # Errors
/// No pictures, a file that is no picture (named), sizes that differ.
pub fn read_folder(path: &Path, options: &OpenOptions) -> Result<Dataset> {
    let files = list(path)?;
    if files.is_empty() {
        return Err(Error::data(path.display(), "holds no .png or .jpg files, nor sub-folders of them"));
    }
    // Decoded at eight bits in four channels at most, then as planes.
    let (wide, high) = match options.size {
        Some(side) => (side, side),
        None => dimensions(&files[0].0)?,
    };
    let what = format!("{} pictures of {wide}x{high}", files.len());
    budget::ask_values(path.display(), &what, &[files.len(), wide as usize, high as usize, 2])?;
    let mut images = Vec::with_capacity(files.len());
    for (file, _) in &files {
        let image = decode(file)?;
        let image = match options.size {
            Some(side) => image.resize_exact(side, side, FilterType::Triangle),
            None => image,
        };
        // Deeper pixels would take more than was asked for.
        images.push(match image.color().has_color() {
            true => DynamicImage::ImageRgba8(image.into_rgba8()),
            false => DynamicImage::ImageLumaA8(image.into_luma_alpha8()),
        });
        let (first, this) = (&images[0], &images[images.len() - 1]);
        if (this.width(), this.height()) != (first.width(), first.height()) {
            return Err(Error::data(
                file.display(),
                format!(
                    "is {}x{}, the pictures before it {}x{}; give --size N to resize all",
                    this.width(),
                    this.height(),
                    first.width(),
                    first.height()
                ),
            ));
        }
    }
    let colour = images.iter().any(|i| i.color().has_color());
    let (width, height) = (images[0].width() as usize, images[0].height() as usize);
    let channels = if colour { 3 } else { 1 };
    let mut bytes = Vec::with_capacity(images.len() * channels * height * width);
    for image in images {
        push_planes(&image, colour, &mut bytes);
    }
    let schema = Schema::images([channels, height, width], Kind::Byte);
    let mut data = Dataset::new(folder_name(path, "images"), schema, Rows::U8(bytes))?;
    if let Some((ids, names)) = labels(&files) {
        data = data.labelled("class", ids, names)?;
    }
    let inside = |(file, _): &(PathBuf, Option<String>)| {
        file.strip_prefix(path).unwrap_or(file).to_string_lossy().replace('\\', "/")
    };
    let column = Column::text("file", Role::Identifier);
    data.with(column, Cells::Text(files.iter().map(inside).collect::<Vec<_>>().into()))
}

fn opened(file: &Path) -> Result<ImageReader<BufReader<File>>> {
    let reader = ImageReader::open(file).and_then(ImageReader::with_guessed_format);
    reader.map_err(|e| Error::data(file.display(), format!("cannot be opened: {e}")))
}

fn broken(file: &Path, e: &image::ImageError) -> Error {
    Error::data(file.display(), format!("is no readable picture: {e}"))
}

/// Width and height as the header has them, within bounds.
fn dimensions(file: &Path) -> Result<(u32, u32)> {
    let mut reader = opened(file)?;
    let mut limits = Limits::default();
    // Profiles are unpacked before anything is known of the pixels.
    limits.max_alloc = Some(MAX_BESIDE);
    reader.limits(limits);
    let (width, height) = reader.into_dimensions().map_err(|e| broken(file, &e))?;
    let pixels = u64::from(width) * u64::from(height);
    if width > MAX_SIDE || height > MAX_SIDE || pixels > MAX_PIXELS {
        let problem = format!(
            "is {width}x{height}, expected at most {MAX_PIXELS} pixels and {MAX_SIDE} on a side; make it smaller, or leave it \
             out"
        );
        return Err(Error::data(file.display(), problem));
    }
    Ok((width, height))
}

fn decode(file: &Path) -> Result<DynamicImage> {
    let (width, height) = dimensions(file)?;
    let mut reader = opened(file)?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE), Some(MAX_SIDE));
    // 16 bits in four channels twice over, and as much as an honest file has beside its pixels.
    limits.max_alloc = Some(16 * u64::from(width) * u64::from(height) + MAX_BESIDE);
    reader.limits(limits);
    reader.decode().map_err(|e| broken(file, &e))
}

/// Channel by channel, as [`Pixels`](super::Pixels) has it. Transparency shows white paper behind.
fn push_planes(image: &DynamicImage, colour: bool, out: &mut Vec<u8>) {
    let over_white = |c: u8, a: u8| ((u32::from(c) * u32::from(a) + 255 * (255 - u32::from(a)) + 127) / 255) as u8;
    if colour {
        let rgba = image.to_rgba8();
        for channel in 0..3 {
            out.extend(rgba.pixels().map(|p| over_white(p.0[channel], p.0[3])));
        }
    } else {
        out.extend(image.to_luma_alpha8().pixels().map(|p| over_white(p.0[0], p.0[1])));
    }
}

/// Files with their class, sorted by path so that every machine sees one order.
fn list(path: &Path) -> Result<Vec<(PathBuf, Option<String>)>> {
    let mut files = Vec::new();
    for entry in sorted(path)? {
        if entry.is_dir() {
            let class = entry.file_name().map(|n| n.to_string_lossy().into_owned());
            files.extend(sorted(&entry)?.into_iter().filter(|f| is_picture(f)).map(|f| (f, class.clone())));
        } else if is_picture(&entry) {
            files.push((entry, None));
        }
    }
    Ok(files)
}

fn sorted(path: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = |e| Error::data(path.display(), format!("cannot be listed: {e}"));
    let mut entries: Vec<PathBuf> = std::fs::read_dir(path)
        .map_err(unreadable)?
        .map(|e| e.map(|e| e.path()))
        .collect::<Result<_, _>>()
        .map_err(unreadable)?;
    entries.sort();
    Ok(entries)
}

pub(super) fn is_picture(path: &Path) -> bool {
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    path.is_file() && matches!(extension.as_deref(), Some("png" | "jpg" | "jpeg"))
}

/// Classes only when every picture lies in a sub-folder.
fn labels(files: &[(PathBuf, Option<String>)]) -> Option<(Vec<u32>, Vec<String>)> {
    let classes: Vec<&String> = files.iter().map(|(_, c)| c.as_ref()).collect::<Option<_>>()?;
    let mut names: Vec<String> = classes.iter().map(|c| (*c).clone()).collect();
    names.sort();
    names.dedup();
    let ids = classes.iter().map(|c| names.iter().position(|n| n == *c).unwrap_or_default() as u32).collect();
    Some((ids, names))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, Luma, Rgb, RgbImage};

    fn grey(path: PathBuf, side: u32, value: u8) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        GrayImage::from_pixel(side, side, Luma([value])).save(path).unwrap();
    }

    #[test]
    fn sub_folders_become_classes_and_order_is_by_name() {
        let dir = tempfile::tempdir().unwrap();
        grey(dir.path().join("cat/2.png"), 3, 20);
        grey(dir.path().join("cat/1.png"), 3, 10);
        grey(dir.path().join("ant/1.png"), 3, 30);
        let data = read_folder(dir.path(), &OpenOptions::default()).unwrap();
        let labels = data.labels().unwrap();
        assert_eq!((labels.names, labels.ids), (&["ant".to_owned(), "cat".to_owned()][..], &[0u32, 1, 1][..]));
        assert_eq!(data.row_names().unwrap().1.to_vec().unwrap(), ["ant/1.png", "cat/1.png", "cat/2.png"]);
        let Rows::U8(bytes) = data.rows() else { panic!() };
        assert_eq!((bytes[0], bytes[9], bytes[18]), (30, 10, 20));
    }

    #[test]
    fn colour_is_stored_channel_by_channel() {
        let dir = tempfile::tempdir().unwrap();
        RgbImage::from_pixel(2, 1, Rgb([1, 2, 3])).save(dir.path().join("a.png")).unwrap();
        let data = read_folder(dir.path(), &OpenOptions::default()).unwrap();
        assert_eq!(data.rows(), &Rows::U8(vec![1, 1, 2, 2, 3, 3]));
    }

    #[test]
    fn different_sizes_need_size_and_a_file_that_is_no_picture_is_named() {
        let dir = tempfile::tempdir().unwrap();
        grey(dir.path().join("a.png"), 3, 1);
        grey(dir.path().join("b.png"), 4, 1);
        let error = read_folder(dir.path(), &OpenOptions::default()).unwrap_err().to_string();
        assert!(error.contains("b.png") && error.contains("--size"), "{error}");
        let options = OpenOptions { size: Some(2), ..Default::default() };
        assert_eq!(read_folder(dir.path(), &options).unwrap().width(), 4);
        std::fs::write(dir.path().join("c.png"), b"not a picture").unwrap();
        let error = read_folder(dir.path(), &options).unwrap_err().to_string();
        assert!(error.contains("c.png") && error.contains("no readable picture"), "{error}");
    }

    #[test]
    fn a_truncated_png_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.png");
        grey(path.clone(), 16, 9);
        let bytes = std::fs::read(&path).unwrap();
        for tenth in 0..10 {
            std::fs::write(&path, &bytes[..bytes.len() * tenth / 10]).unwrap();
            assert!(read_folder(dir.path(), &OpenOptions::default()).is_err(), "{tenth}");
        }
    }
}
