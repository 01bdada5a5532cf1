#!/usr/bin/env bash
# Kills train, sweep, report and encode at random moments, goes on, and compares what comes of it with what comes of the
# same commands left alone.
#
#     bench/kill.sh 1000 [VAEKIT] [LINES]
#
# Every kill is SIGKILL but each fourth, which is SIGTERM. A run is broken where the next command refuses it; bytes differ
# where a finished model, table of codes or page is not that of the commands left alone. Ends with one line of counts,
# and adds it as JSON to LINES where that is given. Seconds of a page and of a sweep's table are left out, for no two
# trainings take as long.
set -uo pipefail
kills=${1:-1000}
vaekit=$(realpath "${2:-target/release/vaekit}")
lines=${3:+$(realpath -m "$3")}
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place" || exit 1

settings=(grid-of-gaussians --hidden 32,32 --epochs 40 --batch 32 --patience 30 --kl-schedule linear --save-every 0.02 --quiet)
cat >sweep.toml <<'END'
data = "rings"
epochs = 12
hidden = [16]
limit = 1000
[sweep]
seed = [0, 1, 2, 3]
END

# Left alone.
"$vaekit" train "${settings[@]}" --out whole --threads 1 >/dev/null || exit 1
"$vaekit" encode whole --out whole.csv --quiet >/dev/null || exit 1
"$vaekit" report whole --importance-samples 5 --quiet >/dev/null || exit 1
mv whole/report.html page.html
"$vaekit" sweep sweep.toml --out sweep-whole --jobs 2 --quiet >/dev/null 2>&1 || exit 1

broken=0 different=0 done_runs=0 total=0
declare -A of=([train]=0 [sweep]=0 [report]=0 [encode]=0)

say() { printf '%s\n' "$*" >&2; }
# Runs a command for at most so many milliseconds, then kills it; its exit code, 137 or 143 where it was killed.
cut_off() {
    local ms=$1 signal=$2
    shift 2
    timeout --foreground -s "$signal" "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))" "$@" >/dev/null 2>last.err
}
# True for an exit code that a signal or the limit explains.
was_killed() { [ "$1" -eq 124 ] || [ "$1" -eq 137 ] || [ "$1" -eq 143 ] || { [ "$1" -eq 1 ] && [ "$2" = TERM ]; }; }
bad() {
    broken=$((broken + 1))
    say "broken after kill $total: $* ($(tail -1 last.err))"
}
same() {
    if ! cmp -s "$1" "$2"; then
        different=$((different + 1))
        say "different after kill $total: $1"
    fi
}

while [ "$total" -lt "$kills" ]; do
    total=$((total + 1))
    signal=KILL
    [ $((RANDOM % 4)) -eq 0 ] && signal=TERM
    case $((RANDOM % 6)) in
    0 | 1 | 2)
        of[train]=$((of[train] + 1))
        if [ -f pieces/run.toml ]; then command=(train --resume pieces --save-every 0.02 --quiet)
        else command=(train "${settings[@]}" --out pieces); fi
        cut_off $((RANDOM % 500)) $signal "$vaekit" "${command[@]}" --threads $((1 + RANDOM % 2))
        code=$?
        if [ $code -eq 0 ]; then
            done_runs=$((done_runs + 1))
            same pieces/model.safetensors whole/model.safetensors
            rm -rf pieces
        elif ! was_killed $code $signal; then
            bad "${command[@]}"
            rm -rf pieces
        fi
        ;;
    3)
        of[sweep]=$((of[sweep] + 1))
        cut_off $((RANDOM % 1500)) $signal "$vaekit" sweep sweep.toml --out sweep-pieces --jobs 2 --quiet
        code=$?
        if [ $code -eq 0 ]; then
            done_runs=$((done_runs + 1))
            for seed in 0 1 2 3; do same "sweep-pieces/seed=$seed/model.safetensors" "sweep-whole/seed=$seed/model.safetensors"; done
            same <(cut -d, -f1-8 sweep-pieces/sweep.csv) <(cut -d, -f1-8 sweep-whole/sweep.csv)
            rm -rf sweep-pieces
        elif ! was_killed $code $signal; then
            bad sweep
            rm -rf sweep-pieces
        fi
        ;;
    4)
        of[report]=$((of[report] + 1))
        cut_off $((RANDOM % 6000)) $signal "$vaekit" report whole --importance-samples 5 --quiet
        code=$?
        if [ $code -ne 0 ] && ! was_killed $code $signal; then bad report; fi
        if [ -f whole/report.html ]; then
            same whole/report.html page.html
            rm whole/report.html
        fi
        ;;
    5)
        of[encode]=$((of[encode] + 1))
        cut_off $((RANDOM % 80)) $signal "$vaekit" encode whole --out codes.csv --quiet
        code=$?
        if [ $code -ne 0 ] && ! was_killed $code $signal; then bad encode; fi
        if [ -f codes.csv ]; then
            same codes.csv whole.csv
            rm codes.csv
        fi
        ;;
    esac
    [ $((total % 100)) -eq 0 ] && say "$total kills: $broken broken, $different different"
done
"$vaekit" evaluate whole --quiet >/dev/null 2>last.err || bad evaluate whole
echo "$kills kills (train ${of[train]}, sweep ${of[sweep]}, report ${of[report]}, encode ${of[encode]}): $done_runs runs and" \
    "sweeps ended, $broken broken, $different with other bytes"
if [ -n "$lines" ]; then
    echo "{\"kills\": $kills, \"train\": ${of[train]}, \"sweep\": ${of[sweep]}, \"report\": ${of[report]}," \
        "\"encode\": ${of[encode]}, \"ended\": $done_runs, \"broken\": $broken, \"different\": $different}" >>"$lines"
fi
[ "$broken" -eq 0 ] && [ "$different" -eq 0 ]
