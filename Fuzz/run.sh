#!/usr/bin/env bash
# Fuzzes the decoders: run.sh [SECONDS for each target]. See README.md.
#
# FUZZ_TARGETS="frames method table properties"    which
# FUZZ_JOBS=2                                      how many at a time
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-30}
scratch=${SCRATCH:-$PWD/.build}
read -ra targets <<<"${FUZZ_TARGETS:-frames method table properties}"
out=$scratch/fuzz
mkdir -p "$out" Fuzz/findings
# The modules of the dependencies come from a plain build of the package.
scripts/build . --target AMQP >/dev/null
modules=$(swift build --scratch-path "$scratch" --show-bin-path)
mapfile -t objects < <(find "$modules" -name '*.o' \( -path '*/NIOCore.build/*' -o -path '*/NIOConcurrencyHelpers.build/*' \
  -o -path '*/_NIOBase64.build/*' -o -path '*/CNIO[!B]*.build/*' -o -path '*/_NIODataStructures.build/*' \
  -o -path '*/Atomics.build/*' -o -path '*/_AtomicsShims.build/*' -o -path '*/DequeModule.build/*' \
  -o -path '*/InternalCollectionsUtilities.build/*' -o -path '*/ContainersPreview.build/*' -o -path '*/BasicContainers.build/*' \))
mapfile -t includes < <(find "$modules" "$scratch"/checkouts/swift-{nio,atomics,system} -name module.modulemap \
  \( -path '*/CNIO*' -o -path '*AtomicsShims*' -o -path '*/CSystem*' \) -printf '-Xcc\n-fmodule-map-file=%p\n-Xcc\n-I%h\n')
# The module is named as the library is, for the sake of the import in the tests' files.
sources=(Sources/AMQP/Wire/*.swift Sources/AMQP/AMQPError.swift
  Tests/AMQPTests/Support/Encoding.swift)
compile() { # output arguments…
  local output=$1
  shift
  swiftc -parse-as-library -swift-version 6 -module-name AMQP -suppress-warnings -I "$modules/Modules" "${includes[@]}" "${sources[@]}" "$@" "${objects[@]}" \
    -use-ld=lld -o "$output"
}

# The seeds are made of what the tests have samples of.
rm -rf "$out/seeds"
compile "$out/make-seeds" Tests/AMQPTests/Support/Samples.swift Fuzz/Seeds.swift
"$out/make-seeds" "$out/seeds"

fuzz() { # target
  local status=0
  # What earlier runs found worth keeping is gone on from.
  mkdir -p "$out/corpus-$1"
  "$out/$1" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048 -print_final_stats=0 \
    -artifact_prefix="Fuzz/findings/$1-" "$out/corpus-$1" "$out/seeds/$1" >"$out/$1.log" 2>&1 || status=$?
  echo "$1: $(find "$out/seeds/$1" -type f | wc -l) seeds, $(tail -1 "$out/$1.log")"
  if ((status)); then tail -40 "$out/$1.log"; fi
  return $status
}

failed=()
running=() names=()
reap() {
  local i
  for i in "${!running[@]}"; do wait "${running[i]}" || failed+=("${names[i]}"); done
  running=() names=()
}
for target in "${targets[@]}"; do
  compile "$out/$target" -O -sanitize=fuzzer,address -D "FUZZ_${target^^}" Fuzz/Targets.swift
done
for target in "${targets[@]}"; do
  fuzz "$target" &
  running+=($!) names+=("$target")
  if ((${#running[@]} >= ${FUZZ_JOBS:-2})); then reap; fi
done
reap
((${#failed[@]} == 0)) || { echo "The fuzzer found something in: ${failed[*]}; the inputs are in Fuzz/findings" >&2; exit 1; }
