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
    count "generated documents are current" docs/generate --check
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

# pytest_suite FOLDER
pytest_suite() {
    ensure_build >"$scratch/out" 2>&1 || { tail -n 40 "$scratch/out"; failed=$((failed + 1)); return; }
    INKAN_BUILD=$build INKAN_SCRATCH=$scratch /usr/bin/python3 -m pytest -p no:cacheprovider --junitxml="$scratch/$1.xml" \
        -q "tests/$1" 2>&1 | tee "$scratch/out"
    local status=${PIPESTATUS[0]} good bad
    read -r good bad < <(/usr/bin/python3 tests/lib/junit_counts.py "$scratch/$1.xml")
    [ "$status" -eq 0 ] || [ "${bad:-0}" -gt 0 ] || bad=1
    passed=$((passed + ${good:-0}))
    failed=$((failed + ${bad:-1}))
}

suite_integration() {
    pytest_suite integration
}

suite_browser() {
    pytest_suite browser
}

suite_systemd() {
    pytest_suite systemd
}
