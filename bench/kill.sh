#!/usr/bin/env bash
# Kills train, sweep, report and encode at random moments, goes on, and compares what comes of it with what comes of the
# same commands left alone.
#
#     bench/kill.sh 1000 [VAEKIT] [LINES]
#
# A kill is SIGKILL three times in four, else SIGTERM; a command that ended before its kill is no kill. A run is broken where the next command refuses it; bytes differ
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

broken=0 different=0 ended=0 total=0
declare -A of=([train]=0 [sweep]=0 [report]=0 [encode]=0)
verbs=(train train train sweep report encode)

say() { printf '%s\n' "$*" >&2; }
# Runs a verb for at most so many milliseconds, then kills it. Sets `how` to killed, ended or failed, and counts.
cut_off() {
    local verb=$1 ms=$((1 + RANDOM % $2)) signal=KILL code
    shift 2
    [ $((RANDOM % 4)) -eq 0 ] && signal=TERM
    timeout --foreground -s "$signal" "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))" "$vaekit" "$@" >/dev/null 2>last.err
    code=$?
    case $code in
    0) how=ended ended=$((ended + 1)) ;;
    124 | 137 | 143) how=killed total=$((total + 1)) of[$verb]=$((of[$verb] + 1)) ;;
    *)
        # Training that hears SIGTERM saves, says so, and ends with 1.
        if [ $code -eq 1 ] && [ $signal = TERM ] && grep -q interrupted last.err; then
            how=killed total=$((total + 1)) of[$verb]=$((of[$verb] + 1))
        else
            how=failed
            bad "$verb"
        fi
        ;;
    esac
}
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
    verb=${verbs[$((RANDOM % ${#verbs[@]}))]}
    case $verb in
    train)
        if [ -f pieces/run.toml ]; then command=(train --resume pieces --save-every 0.02 --quiet)
        else command=(train "${settings[@]}" --out pieces); fi
        cut_off train 500 "${command[@]}" --threads $((1 + RANDOM % 2))
        [ $how = ended ] && same pieces/model.safetensors whole/model.safetensors
        [ $how = killed ] || rm -rf pieces
        ;;
    sweep)
        cut_off sweep 1500 sweep sweep.toml --out sweep-pieces --jobs 2 --quiet
        if [ $how = ended ]; then
            for seed in 0 1 2 3; do same "sweep-pieces/seed=$seed/model.safetensors" "sweep-whole/seed=$seed/model.safetensors"; done
            # The last column is of seconds.
            for which in pieces whole; do sed 's/,[^,]*$//' "sweep-$which/sweep.csv" >"table-$which"; done
            same table-pieces table-whole
        fi
        [ $how = killed ] || rm -rf sweep-pieces
        ;;
    report)
        cut_off report 4000 report whole --importance-samples 5 --quiet
        if [ -f whole/report.html ]; then
            same whole/report.html page.html
            rm whole/report.html
        elif [ $how = ended ]; then bad "report left no page"; fi
        ;;
    encode)
        cut_off encode 60 encode whole --out codes.csv --quiet
        if [ -f codes.csv ]; then
            same codes.csv whole.csv
            rm codes.csv
        elif [ $how = ended ]; then bad "encode left no codes"; fi
        ;;
    esac
    if [ $how = killed ] && [ $((total % 100)) -eq 0 ]; then say "$total kills: $broken broken, $different different"; fi
done
"$vaekit" evaluate whole --quiet >/dev/null 2>last.err || bad evaluate whole
echo "$kills kills (train ${of[train]}, sweep ${of[sweep]}, report ${of[report]}, encode ${of[encode]}): $ended commands" \
    "ended before their kill, $broken broken, $different with other bytes"
if [ -n "$lines" ]; then
    echo "{\"kills\": $kills, \"train\": ${of[train]}, \"sweep\": ${of[sweep]}, \"report\": ${of[report]}," \
        "\"encode\": ${of[encode]}, \"ended\": $ended, \"broken\": $broken, \"different\": $different}" >>"$lines"
fi
[ "$broken" -eq 0 ] && [ "$different" -eq 0 ]
