# A private PostgreSQL for the store suite: no TCP, not the system's. Sourced by tests/run.
postgres_bin=/usr/lib/postgresql/15/bin

postgres_as() {
    if [ "$(id -u)" -eq 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi
}

# Starts a cluster in $scratch/pg and makes database "inkan" with the schema; sets INKAN_TEST_DATABASE.
postgres_start() {
    local dir=$scratch/pg
    mkdir -p "$dir"
    [ "$(id -u)" -ne 0 ] || chown postgres "$dir"
    (cd / && postgres_as "$postgres_bin/initdb" -D "$dir/data" -U inkan_owner --auth-local=trust --auth-host=reject \
        -E UTF8 --locale=C.UTF-8 --no-sync >"$dir.log" 2>&1) || { cat "$dir.log"; return 1; }
    (cd / && postgres_as "$postgres_bin/pg_ctl" -w -D "$dir/data" -l "$dir/log" \
        -o "-c listen_addresses='' -c unix_socket_directories=$dir" start >>"$dir.log" 2>&1) || { cat "$dir.log"; return 1; }
    "$postgres_bin/createdb" -h "$dir" -U inkan_owner inkan || return 1
    export INKAN_TEST_DATABASE="postgresql:///inkan?host=$dir&user=inkan_owner"
    "$build/services/ctl/inkanctl" --database "$INKAN_TEST_DATABASE" database migrate deploy/schema
}

postgres_stop() {
    [ ! -f "$scratch/pg/data/postmaster.pid" ] ||
        (cd / && postgres_as "$postgres_bin/pg_ctl" -m immediate -D "$scratch/pg/data" stop >/dev/null 2>&1)
}
