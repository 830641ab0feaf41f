"""Faults inside the database, by enumeration: every write of the daemons' statements and every commit is a point with a name, met by
a trigger, and struck once for each kind of fault.

A point is STATEMENT/TABLE/OPERATION, where STATEMENT is the name that common/store gave it, or COMMIT/STATEMENT with the last
statement before the commit. That a point was struck is kept in a sequence, which no rollback takes back.
"""
import re
import threading
import time

from .life import new_log

KINDS = ("40001", "terminate", "XX000")  # conflict; connection lost; what should not happen

SETUP = """
CREATE SCHEMA fault;
CREATE TABLE fault.mode (mode text);
INSERT INTO fault.mode VALUES ('off');
CREATE TABLE fault.point (name text PRIMARY KEY, slot integer NOT NULL);
CREATE TABLE fault.released (pid integer);

CREATE FUNCTION fault.strike(name text, mode text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    n bigint;
    kinds text[] := ARRAY['40001', 'terminate', 'XX000'];
BEGIN
    RAISE LOG 'fault met % % %', pg_backend_pid(), current_setting('application_name'), name;
    SELECT nextval(format('fault.slot_%s', p.slot)) INTO n FROM fault.point p WHERE p.name = strike.name;
    IF n IS NULL OR mode = 'record' OR (mode = 'errors' AND n > 3) OR (mode = 'hold' AND n > 1) THEN
        RETURN;
    END IF;
    RAISE LOG 'fault struck % % % %', CASE mode WHEN 'hold' THEN 'hold' ELSE kinds[n] END, pg_backend_pid(),
              current_setting('application_name'), name;
    IF mode = 'hold' THEN
        WHILE NOT EXISTS (SELECT FROM fault.released WHERE pid = pg_backend_pid()) AND (SELECT m.mode = 'hold' FROM fault.mode m) LOOP
            PERFORM pg_sleep(0.01);
        END LOOP;
        DELETE FROM fault.released WHERE pid = pg_backend_pid();
    ELSIF kinds[n] = 'terminate' THEN
        PERFORM pg_terminate_backend(pg_backend_pid());
        PERFORM pg_sleep(10);
    ELSE
        RAISE EXCEPTION 'fault' USING ERRCODE = kinds[n];
    END IF;
END $$;

CREATE FUNCTION fault.meet() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    mode text := (SELECT m.mode FROM fault.mode m);
    statement text;
BEGIN
    IF mode <> 'off' AND session_user LIKE 'inkan\\_%' AND session_user NOT IN ('inkan_owner', 'inkan_operator') THEN
        statement := COALESCE((SELECT p.name FROM pg_prepared_statements p WHERE p.statement = current_query() LIMIT 1),
                              substring(current_query() FROM '^[A-Za-z]+ [a-z_]+'));
        IF TG_ARGV[0] = 'commit' THEN
            PERFORM fault.strike('COMMIT/' || COALESCE(NULLIF(current_setting('fault.last', true), ''), statement), mode);
        ELSE
            PERFORM set_config('fault.last', statement, true);
            PERFORM fault.strike(CASE mode WHEN 'hold' THEN statement ELSE concat_ws('/', statement, TG_TABLE_NAME, TG_OP) END, mode);
        END IF;
    END IF;
    RETURN NULL;
END $$;
"""
BEFORE = "CREATE TRIGGER aa_fault BEFORE INSERT OR UPDATE OR DELETE ON {} FOR EACH STATEMENT EXECUTE FUNCTION fault.meet()"
COMMIT = ("CREATE CONSTRAINT TRIGGER zz_fault_commit AFTER INSERT OR UPDATE OR DELETE ON {} DEFERRABLE INITIALLY DEFERRED"
          " FOR EACH ROW EXECUTE FUNCTION fault.meet('commit')")
ENDING = ("job", "audit_event", "audit_seal", "link", "upload", "ocsp_responder", "certificate_words_due")  # one of them is in every transaction
MET = re.compile(r"fault met (\d+) (\S+) (.+)$", re.M)
STRUCK = re.compile(r"fault struck (\S+) (\d+) (\S+) (.+)$", re.M)


class FaultPoints:
    def __init__(self, instance):
        self.instance = instance
        self.log = instance.directory / "postgres.log"
        self.met, self.struck = set(), set()
        self.plain = set()  # those of a life without faults
        self.commits = {}  # pid of a backend → its last commit
        self.position = self.log.stat().st_size
        self.stop = threading.Event()
        self.thread = None
        self.failure = None
        connection = instance.database()
        with connection.cursor() as cursor:
            cursor.execute(SETUP)
            cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
            for (table,) in cursor.fetchall():
                cursor.execute(BEFORE.format(table))
            for table in ENDING:
                cursor.execute(COMMIT.format(table))
        connection.close()

    def begin(self, mode, on_strike=None, each_look=None):
        """From here on points are met in this mode; each new one is armed as soon as it is known. The callbacks get a cursor."""
        self.struck = set()
        if mode == "hold":
            self.arm({name.split("/")[0] for name in self.met if not name.startswith("COMMIT/")} - self.met)
        self.instance.query("SELECT setval(format('fault.slot_%%s', slot), 1, false) FROM fault.point")
        self.instance.query("UPDATE fault.mode SET mode = %s", mode)
        self.stop.clear()
        self.thread = threading.Thread(target=self.run, args=(on_strike, each_look))
        self.thread.start()

    def arm(self, names):
        for name in names:
            self.met.add(name)
            self.instance.query(f"CREATE SEQUENCE fault.slot_{len(self.met)}")
            self.instance.query("INSERT INTO fault.point VALUES (%s, %s)", name, len(self.met))

    def end(self):
        self.stop.set()
        self.thread.join()
        self.instance.query("UPDATE fault.mode SET mode = 'off'")
        if self.failure:
            raise self.failure

    def run(self, on_strike, each_look):
        connection = self.instance.database()
        try:
            with connection.cursor() as cursor:
                while not self.stop.is_set():
                    self.look(cursor, on_strike)
                    self.help_on(cursor)
                    if each_look:
                        each_look(cursor)
                    time.sleep(0.05)
                self.look(cursor, on_strike)
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error
        finally:
            connection.close()

    def look(self, cursor, on_strike):
        text, self.position = new_log(self.log, self.position)
        for pid, _, name in MET.findall(text):
            if name.startswith("COMMIT/"):
                self.commits[int(pid)] = name
            if name not in self.met:
                self.arm({name})
        for kind, pid, application, name in STRUCK.findall(text):
            self.struck.add((kind, name))
            if on_strike:
                on_strike(cursor, int(pid), application, name)

    @staticmethod
    def help_on(cursor):
        """What an operator does (inkanctl job retry): a job that met three faults in a row is no poison."""
        cursor.execute("WITH tried AS (SELECT id FROM job WHERE attempt > 0 AND (attempt > 1 OR token IS NULL) FOR UPDATE SKIP LOCKED)"
                       " UPDATE job SET attempt = 0, due = CASE WHEN token IS NULL THEN clock_timestamp() ELSE due END"
                       " FROM tried WHERE tried.id = job.id")

    def missing(self, kinds, among):
        return sorted((kind, name) for kind in kinds for name in among if (kind, name) not in self.struck)
