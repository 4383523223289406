#!/bin/bash
# Fuzzes the decoders: run.sh [SECONDS for each target]. See README.md.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-30}
scratch=${FUZZ_SCRATCH:-.build}
out=$scratch/fuzz
mkdir -p "$out" Fuzz/findings
# The modules of the dependencies come from a plain build of the package.
swift build --scratch-path "$scratch" --target AMQP >/dev/null
modules=$(swift build --scratch-path "$scratch" --show-bin-path)
mapfile -t objects < <(find "$modules" -name '*.o' \( -path '*/NIOCore.build/*' -o -path '*/NIOConcurrencyHelpers.build/*' \
  -o -path '*/_NIOBase64.build/*' -o -path '*/CNIO*.build/*' -o -path '*/_NIODataStructures.build/*' \
  -o -path '*/Atomics.build/*' -o -path '*/_AtomicsShims.build/*' -o -path '*/DequeModule.build/*' \
  -o -path '*/InternalCollectionsUtilities.build/*' -o -path '*/ContainersPreview.build/*' -o -path '*/BasicContainers.build/*' \))
includes=$(find "$modules" "$scratch"/checkouts/swift-nio "$scratch"/checkouts/swift-atomics "$scratch"/checkouts/swift-system \
  -name module.modulemap -not -path '*Tests*' -printf '-Xcc -fmodule-map-file=%p -Xcc -I%h ' 2>/dev/null || true)
for target in ${FUZZ_TARGETS:-frames method table properties}; do
  # shellcheck disable=SC2086
  swiftc -O -parse-as-library -sanitize=fuzzer,address -use-ld=lld -swift-version 6 -module-name Fuzzing \
    -D "FUZZ_${target^^}" -I "$modules/Modules" $includes \
    Sources/AMQP/Wire/*.swift Sources/AMQP/AMQPError.swift Sources/AMQP/Channel/AMQPMessage.swift \
    Fuzz/Targets.swift "${objects[@]}" -o "$out/$target"
  mkdir -p "$out/corpus-$target"
  "$out/$target" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048 -print_final_stats=0 \
    -artifact_prefix=Fuzz/findings/ "$out/corpus-$target" "Fuzz/corpus/$target" 2>&1 | tail -3
done
