#!/bin/sh
# Stands for any training program: it walks towards the minimum of a bowl and reports how far it is.
set -eu
x=$1
step=1
while [ "$step" -le 5 ]; do
    x=$(awk "BEGIN { print $x - $2 * 2 * ($x - 3) }")
    loss=$(awk "BEGIN { print ($x - 3) ^ 2 }")
    # One JSON object a line, appended to the file that barrido names. Outside a sweep there is none.
    echo "{\"name\": \"loss\", \"value\": $loss, \"step\": $step}" >>"${BARRIDO_METRICS:-/dev/null}"
    step=$((step + 1))
done
# The same through a command, for programs that would rather not write JSON.
barrido report final_x="$x"
