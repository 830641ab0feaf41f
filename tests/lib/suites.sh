# The suites of tests/run. Each adds to passed and failed.

# count NAME COMMAND…: one check that passes or fails as a whole.
count() {
    local name=$1
    shift
    if "$@" >"$scratch/out" 2>&1; then
        passed=$((passed + 1))
        echo "ok   $name"
    else
        failed=$((failed + 1))
        echo "FAIL $name"
        tail -n 60 "$scratch/out"
    fi
}

sources() {
    git ls-files '*.c' '*.h'
}

suite_format() {
    count "clang-format" bash -c 'git ls-files "*.c" "*.h" | xargs clang-format --dry-run -Werror'
    count "shell syntax" bash -c 'git ls-files | while read -r f; do
        head -n 1 "$f" | grep -qE "^#!.*(bash|/sh)$" || continue; bash -n "$f" || exit 1; done'
    count "JavaScript syntax" bash -c 'git ls-files "*.mjs" "*.js" | xargs -n 1 node --check'
    count "generated documents are current" docs/generate --check
    count "man pages" mandoc -Tlint -Wwarning docs/man/*.[158]
}

# gcc with the sanitizers is the build under test; clang must be free of warnings too.
ensure_build() {
    [ -f "$build/build.ninja" ] ||
        meson setup "$build" -Dwerror=true -Db_sanitize="$sanitize" >"$scratch/setup" 2>&1 || { cat "$scratch/setup"; return 1; }
    ninja -C "$build"
}

suite_build() {
    count "gcc, warnings as errors, $sanitize" ensure_build
    count "clang, warnings as errors" bash -c '
        dir=$1-clang
        [ -f "$dir/build.ninja" ] || CC=clang meson setup "$dir" -Dwerror=true || exit 1
        ninja -C "$dir"' _ "$build"
    count "every C file is built" tests/lib/all_built.py "$build"
    count "clang-tidy" bash -c 'git ls-files "*.c" | grep -v "^tests/fuzz" |
        xargs -n 4 -P "$(nproc)" clang-tidy -p "$1-clang" --quiet' _ "$build"
}

# meson_suite SUITE: counts the subtests that the programs report.
meson_suite() {
    ensure_build >"$scratch/out" 2>&1 || { tail -n 40 "$scratch/out"; failed=$((failed + 1)); return; }
    ASAN_OPTIONS=detect_leaks=1 meson test -C "$build" --no-rebuild --suite "$1" >"$scratch/out" 2>&1
    local ok=$? log=$build/meson-logs/testlog.txt good bad
    good=$(grep -cE '^ok [0-9]+' "$log")
    bad=$(grep -cE '^not ok [0-9]+' "$log")
    # A program that died counts as one failure, whatever it had printed.
    [ "$ok" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
    passed=$((passed + good))
    failed=$((failed + bad))
    grep -E 'OK|FAIL|TIMEOUT|ERROR' "$scratch/out"
    [ "$bad" -eq 0 ] || grep -vE '^ok ' "$log" | tail -n 120
}

suite_unit() {
    meson_suite unit
}

suite_store() {
    ensure_build >"$scratch/out" 2>&1 || { tail -n 40 "$scratch/out"; failed=$((failed + 1)); return; }
    if ! postgres_start >"$scratch/out" 2>&1; then
        cat "$scratch/out"
        failed=$((failed + 1))
        return
    fi
    meson_suite store
}

# pytest_suite FOLDER OPTION…
pytest_suite() {
    local folder=$1
    shift
    ensure_build >"$scratch/out" 2>&1 || { tail -n 40 "$scratch/out"; failed=$((failed + 1)); return; }
    INKAN_BUILD=$build INKAN_SCRATCH=$scratch /usr/bin/python3 -m pytest -p no:cacheprovider --junitxml="$scratch/$folder.xml" \
        "$@" -q "tests/$folder" 2>&1 | tee "$scratch/out"
    local status=${PIPESTATUS[0]} good bad
    read -r good bad < <(/usr/bin/python3 tests/lib/junit_counts.py "$scratch/$folder.xml")
    [ "$status" -eq 0 ] || [ "${bad:-0}" -gt 0 ] || bad=1
    passed=$((passed + ${good:-0}))
    failed=$((failed + ${bad:-1}))
}

# Files side by side, for the tests wait more than they compute; the longest ones first.
suite_integration() {
    pytest_suite integration -n 4 --dist loadfile tests/integration/faults
}

suite_browser() {
    pytest_suite browser
}

suite_systemd() {
    pytest_suite systemd
}

# Replays every kept case and crash, then looks for new ones: INKAN_FUZZ_SECONDS a target (2; 600 for a night). What is found
# stays in the build directory: a crash as found-NAME-…, to become a case of tests/fuzz/corpus/NAME once it is mended.
suite_fuzz() {
    local dir=$build-fuzz target name
    count "clang, fuzz targets" bash -c '
        [ -f "$1/build.ninja" ] || CC=clang meson setup "$1" -Dwerror=true -Dfuzz=true -Doptimization=1 \
            -Db_sanitize=address,undefined -Dc_args=-fsanitize=fuzzer-no-link || exit 1
        ninja -C "$1" fuzz' _ "$dir"
    for target in tests/fuzz/fuzz_*.c; do
        name=$(basename "$target" .c)
        name=${name#fuzz_}
        count "fuzz $name" fuzz_one "$dir" "$name"
    done
}

# fuzz_one BUILD NAME
fuzz_one() {
    local found=$1/corpus/$2 words=tests/fuzz/dictionaries/$2
    local dictionary=()
    [ ! -f "$words" ] || dictionary=("-dict=$words")
    mkdir -p "$found"
    "$1/tests/fuzz/fuzz_$2" -max_total_time="${INKAN_FUZZ_SECONDS:-2}" -max_len=8192 -timeout=20 -rss_limit_mb=2048 \
        -artifact_prefix="$1/found-$2-" "${dictionary[@]}" "$found" "tests/fuzz/corpus/$2"
}
