"""Writes a LangFlow's data to standard output, as a tar archive of the folder that `fleet move-in` reads.

This script runs where LangFlow runs, with LangFlow's packages, and changes nothing there. LangFlow may keep running: the script
reads SQLite and PostgreSQL in a consistent snapshot. It supports Python 3.10 and later and LangFlow 1.0 and later.
"""

import contextlib
import importlib.metadata
import importlib.util
import io
import json
import os
import pathlib
import re
import signal
import sqlite3
import sys
import tarfile
import tempfile
import time
import urllib.parse

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)
POSTGRES = re.compile(r"postgres(ql)?(\+\w+)?://")
# Variables that distinguish several LangFlows on one machine.
PLACES = ("LANGFLOW_CONFIG_DIR", "LANGFLOW_DATABASE_URL")
# Tables to copy. The program that sends this script fills in their names.
TABLES = ()
GRAPHS = ("flow", "flow_version")
MOMENT = "YYYY-MM-DD HH24:MI:SS.US"
warnings = []
# Prefix of this script's last line if it stops early. A wrapper may print more lines after it.
STOPPED = "stopped: "
# Prefix of a line with a warning, for a person who runs this script alone.
WARNING = "collect.py: warning: "


def say(message):
    print(message, file=sys.stderr, flush=True)


def warn(message):
    warnings.append(message)


def stop(message):
    say(STOPPED + message)
    sys.exit(2)


def read(path):
    try:
        return pathlib.Path(path).read_bytes()
    except OSError:
        return b""


def told():
    return {name: value for name, value in os.environ.items() if name.startswith("LANGFLOW_")}


class LangFlow:
    """The locations of a LangFlow's data, from its process, or from this process' environment."""

    def __init__(self, pid=None):
        self.pid = pid
        self.pids_of_it = [pid] if pid else []
        self.folder = os.readlink(f"/proc/{pid}/cwd") if pid else os.getcwd()
        pairs = read(f"/proc/{pid}/environ").decode(errors="replace").split("\0") if pid else []
        self.own = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        self.home = home = self.own.get("HOME") or os.path.expanduser("~")
        # The same folder that LangFlow gets from platformdirs.
        caches = self.own.get("XDG_CACHE_HOME") or os.path.join(home, "Library/Caches" if sys.platform == "darwin" else ".cache")
        # LangFlow may read variables from a file of its own, so the caller of this script can also set them.
        self.environment = {**self.own, **told()}
        given = self.environment.get("LANGFLOW_CONFIG_DIR")
        self.config = os.path.join(self.folder, given) if given else os.path.join(caches, "langflow")
        bases = self.environment.get("LANGFLOW_KNOWLEDGE_BASES_DIR", "~/.langflow/knowledge_bases")
        self.bases = os.path.join(self.folder, re.sub("^~(?=/|$)", home, bases))

    @classmethod
    def found(cls):
        """Returns the running LangFlow. If this process' environment configures one, it must be that one."""
        pids = list(cls.pids())
        closed = [pid for pid in pids if not read(f"/proc/{pid}/environ")]
        if closed and not set(PLACES) & set(told()):
            stop(
                f"LangFlow runs (process {closed[0]}), and this user may not read its environment: run this as LangFlow's user, or set "
                "LANGFLOW_CONFIG_DIR and LANGFLOW_DATABASE_URL in the command"
            )
        own = [each for each in (cls(pid) for pid in pids if pid not in closed) if each.is_told()]
        if len({(each.config, each.database_url()) for each in own}) > 1:
            configs = ", ".join(sorted({each.config for each in own}))
            stop(
                f"several LangFlows run here, in {configs}: choose one by LANGFLOW_CONFIG_DIR and LANGFLOW_DATABASE_URL in the command"
            )
        if not own and pids:
            warn(
                f"a running LangFlow (process {pids[0]}) has a different configuration than the environment of this command, and was "
                f"not copied: to copy it, set its {' and '.join(PLACES)} in the command"
            )
        if not own:
            return cls()
        own[0].pids_of_it = [each.pid for each in own]
        return own[0]

    def is_told(self):
        """Returns whether this LangFlow matches this process' environment. A different database means a different LangFlow."""
        return all(
            os.path.join(self.folder, self.own.get(name, "")) == os.path.join(self.folder, value)
            for name, value in told().items()
            if name in PLACES
        )

    @staticmethod
    def pids():
        if not os.path.isdir("/proc"):
            return
        for pid in sorted(filter(str.isdigit, os.listdir("/proc")), key=int):
            words = read(f"/proc/{pid}/cmdline").split(b"\0")
            started = [os.path.basename(word) for word in words[:3]]
            # Excludes programs that only have `langflow` as an argument, such as `su langflow`.
            if started[0] == b"langflow" or started[0].startswith(b"python") and b"langflow" in started[1:]:
                yield pid

    def database_url(self):
        return self.environment.get("LANGFLOW_DATABASE_URL", "")

    def sqlite(self):
        """Returns the database file: the configured one, the one that LangFlow has open, or the one in a default location."""
        url = self.database_url()
        if url.startswith("sqlite"):
            return os.path.join(self.folder, re.sub(r"^sqlite(\+\w+)?:///", "", url).partition("?")[0])
        found = self.opened()
        if self.pid and not found:
            # LangFlow may have read its URL from a file of its own, so a database in a default location may be outdated.
            stop(
                f"LangFlow runs (process {self.pid}), and has no SQLite database open: set its LANGFLOW_DATABASE_URL in the command, "
                "as in docker exec -i -e LANGFLOW_DATABASE_URL=… langflow python"
            )
        found = found or list(filter(is_langflows, self.places()))
        if len(found) == 1:
            return found[0]
        if found:
            stop(f"LangFlow may use any of {', '.join(found)}: choose one by LANGFLOW_DATABASE_URL=sqlite:///… in the command")
        stop(
            f"no LangFlow database was found in {', '.join(self.places())}, and none is open: run this where LangFlow runs, as its "
            "user, or set LANGFLOW_DATABASE_URL in the command"
        )

    def opened(self):
        links = set()
        for pid in family(self.pids_of_it):
            try:
                for descriptor in os.listdir(f"/proc/{pid}/fd"):
                    links.add(os.readlink(f"/proc/{pid}/fd/{descriptor}"))
            except OSError:
                continue
        return sorted(filter(is_langflows, links))

    def places(self):
        """Returns the default locations: LangFlow's and lfx's packages, the config folder, the working directory, and Langflow Desktop's."""
        packages = [importlib.util.find_spec(name) for name in ("langflow", "lfx")]
        folders = [self.config, *(path for each in packages if each for path in each.submodule_search_locations or []), self.folder]
        names = [os.path.join(folder, name) for folder in folders for name in ("langflow.db", "langflow-pre.db")]
        return list(dict.fromkeys([*names, os.path.join(self.home, ".langflow/data/database.db")]))

    def secret_key(self):
        return self.environment.get("LANGFLOW_SECRET_KEY", "").encode() or read(os.path.join(self.config, "secret_key"))


def family(pids):
    """Returns processes and their descendants, because LangFlow's workers are child processes."""
    parents = {}
    for pid in filter(str.isdigit, os.listdir("/proc")) if pids else []:
        after_name = read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
        if len(after_name) > 1:
            parents[pid] = after_name[1].decode()
    found = set(pids)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found, key=int)


def is_langflows(path):
    if not os.path.isfile(path):
        return False
    try:
        with contextlib.closing(opened_sqlite(path)) as database:
            names = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
            return {"flow", "user"} <= names
    except (OSError, sqlite3.Error):
        return False


def opened_sqlite(path):
    with open(path, "rb") as file:
        writes_ahead = file.read(20)[19:] == b"\2"  # SQLite's file format, "file format read version"
    # A WAL-mode database without a log is not open in any process. `immutable` keeps SQLite from creating a log next to it.
    how = "immutable=1" if writes_ahead and not os.path.exists(f"{path}-wal") else "mode=ro"
    return sqlite3.connect(f"file:{urllib.parse.quote(os.path.abspath(path))}?{how}", uri=True)


def copy_sqlite(path, into):
    """Copies a database with SQLite's backup API, so that the copy includes the write-ahead log."""
    say(f"copying {path}")
    try:
        with contextlib.closing(opened_sqlite(path)) as source:
            source.backup(into)
        into.execute("PRAGMA journal_mode=DELETE")
    except (OSError, sqlite3.Error) as error:
        if "full" in str(error):
            stop(f"{tempfile.gettempdir()} has no space for a copy of {path}: set TMPDIR to a different folder in the command")
        stop(f"{path} cannot be read ({error}): start its LangFlow, or run this as its user")


# By PostgreSQL type: the type of the SQLite column, and the SQL expression of the value to store there.
TYPES = {
    "uuid": ("CHAR(32)", "replace({}::text, '-', '')"),
    "boolean": ("BOOLEAN", "{}::int"),
    "timestamp with time zone": ("DATETIME", "to_char({} AT TIME ZONE 'UTC', '" + MOMENT + "') || '+00:00'"),
    "timestamp without time zone": ("DATETIME", "to_char({}, '" + MOMENT + "')"),
    # Declared with text affinity, so that SQLite keeps numbers as written.
    "json": ("JSON TEXT", "{}::text"),
    "jsonb": ("JSON TEXT", "{}::text"),
    "smallint": ("INTEGER", "{}"),
    "integer": ("INTEGER", "{}"),
    "bigint": ("INTEGER", "{}"),
    "double precision": ("FLOAT", "{}"),
    "real": ("FLOAT", "{}"),
    "bytea": ("BLOB", "{}"),
}
OTHER = ("VARCHAR", "{}::text")
COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, NULL), has_table_privilege(c.oid, 'SELECT')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY 1, a.attnum"""


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def copy_postgres(url, into):
    """Copies the tables to import, in one read-only transaction."""
    connection = connected(url)
    cursor = connection.cursor()
    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    # So that a query fails instead of omitting the rows that a policy hides from the role.
    cursor.execute("SET LOCAL row_security = off")
    cursor.execute(COLUMNS)
    tables = {}
    others = set()
    for table, column, kind, is_readable in cursor.fetchall():
        if TABLES and table not in TABLES:
            others.add(table)
            continue
        if not is_readable:
            stop(f"the role of LANGFLOW_DATABASE_URL may not read the table {table}: use LangFlow's own role")
        tables.setdefault(table, []).append((column, *TYPES.get(kind, OTHER)))
    if others:
        warn(f"these tables are not imported and were not copied: {', '.join(sorted(others))}")
    if not {"flow", "user"} <= set(tables):
        stop("the database of LANGFLOW_DATABASE_URL has no tables of LangFlow")
    for table, columns in tables.items():
        copy_table(connection, table, columns, into)
    connection.close()


def keywords(url):
    """Returns a URL's connection parameters as SQLAlchemy reads them, because PostgreSQL's client rejects some of these URLs."""
    try:
        from sqlalchemy.engine import make_url
    except ImportError:
        return {"conninfo": POSTGRES.sub("postgresql://", url, count=1)}
    parts = make_url(url)
    given = {"host": parts.host, "port": parts.port, "user": parts.username, "password": parts.password, "dbname": parts.database}
    known = {name: value for name, value in parts.query.items() if name.startswith("ssl") or name in ("host", "port", "options")}
    return {**{name: value for name, value in given.items() if value is not None}, **known}


def connected(url):
    try:
        import psycopg as driver
    except ImportError:
        try:
            import psycopg2 as driver
        except ImportError:
            stop("this Python has neither psycopg nor psycopg2: use the Python that runs LangFlow")
    try:
        address = keywords(url)
        # The two drivers use different names for the first argument.
        return driver.connect(address["conninfo"]) if "conninfo" in address else driver.connect(**address)
    except Exception as error:  # raised by the driver or SQLAlchemy
        # The error's own message may contain the URL with the password.
        stop(f"PostgreSQL denied access or did not answer ({type(error).__name__}): run this where LangFlow runs")


def copy_table(connection, table, columns, into):
    declared = ", ".join(f"{quoted(name)} {kind}" for name, kind, _ in columns)
    into.execute(f"CREATE TABLE {quoted(table)} ({declared})")
    selected = ", ".join(expression.format(quoted(name)) for name, _, expression in columns)
    places = ", ".join("?" for _ in columns)
    rows = connection.cursor(name="collected")
    rows.itersize = 10 if table in GRAPHS else 500
    rows.execute(f"SELECT {selected} FROM {quoted(table)}")
    count = 0
    while page := rows.fetchmany(rows.itersize):
        plain = [[bytes(value) if isinstance(value, memoryview) else value for value in row] for row in page]
        into.executemany(f"INSERT INTO {quoted(table)} VALUES ({places})", plain)
        count += len(page)
        progress(f"copied: {table} {count}")
    rows.close()
    if any(name == "id" for name, _, _ in columns):
        into.execute(f"CREATE INDEX {quoted('by id of ' + table)} ON {quoted(table)} (id)")
    into.commit()


said_at = time.monotonic()


def progress(message):
    global said_at
    if time.monotonic() - said_at >= 2:
        said_at = time.monotonic()
        say(message)


class Archive:
    def __init__(self, stream):
        self.tar = tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT)
        self.files = self.bytes = 0

    def add(self, name, size, file):
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode, entry.mtime = size, 0o600, int(time.time())
        self.tar.addfile(entry, file)
        self.files += 1
        self.bytes += size
        progress(f"collected: {self.files} files, {self.bytes // 1048576} MiB")

    def add_bytes(self, name, data):
        self.add(name, len(data), io.BytesIO(data))

    def add_path(self, name, path):
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            data = Exactly(file, size)
            self.add(name, size, data)
            if data.is_short:
                warn(f"{path} could not be read completely: the rest was filled with zeros")

    def add_folder(self, name):
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode = tarfile.DIRTYPE, 0o700
        self.tar.addfile(entry)


class Exactly:
    """Reads exactly `size` bytes of a file, even if the file changes meanwhile. Pads missing bytes with zeros."""

    def __init__(self, file, size):
        self.file, self.left, self.is_short = file, size, False

    def read(self, size=-1):
        wanted = self.left if size < 0 else min(size, self.left)
        try:
            data = b"" if self.is_short else self.file.read(wanted)
        except OSError:
            data = b""  # The file's header is already written, so the missing bytes are padded.
        self.is_short = self.is_short or len(data) < wanted
        self.left -= wanted
        return data.ljust(wanted, b"\0")


def warn_of_unreadable(error):
    warn(f"{error.filename} cannot be read ({error.strerror})")


def add_uploads(archive, config):
    """Adds the folders whose name is the id of a user or a flow. Skips symbolic links, because they may point anywhere."""
    if not os.path.isdir(config):
        warn(f"LangFlow's folder {config} does not exist: no files were collected")
        return 0
    count = 0
    for owner in filter(UUID.fullmatch, listed(config)):
        if os.path.islink(os.path.join(config, owner)):
            continue
        for folder, _, names in os.walk(os.path.join(config, owner), onerror=warn_of_unreadable):
            for name in sorted(names):
                path = os.path.join(folder, name)
                if os.path.islink(path) or not os.path.isfile(path):
                    continue
                try:
                    archive.add_path(os.path.relpath(path, config), path)
                    count += 1
                except OSError as error:
                    warn_of_unreadable(error)
    return count


def add_knowledge_bases(archive, langflow):
    """Adds empty folders with the names of the knowledge bases, to count them. Their contents are not imported."""
    archive.add_folder("knowledge_bases")
    for bases in sorted({os.path.realpath(each) for each in (os.path.join(langflow.config, "knowledge_bases"), langflow.bases)}):
        for user in listed(bases):
            for base in listed(os.path.join(bases, user)):
                if os.path.isdir(os.path.join(bases, user, base)):
                    archive.add_folder(f"knowledge_bases/{user}/{base}")


def listed(folder):
    try:
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    except OSError as error:
        warn_of_unreadable(error)
        return []


def warn_of_places(langflow, database):
    if langflow.environment.get("LANGFLOW_STORAGE_TYPE") == "s3":
        warn("files are in a bucket (LANGFLOW_STORAGE_TYPE=s3), and were not collected")
    for path in filter(None, [langflow.config, database]):
        if os.path.exists(path) and is_in_layer(path):
            warn(f"{path} is in the container itself, not on a volume: `docker compose down` or `docker rm` deletes it")


def is_in_layer(path):
    """Returns whether the path is in the container's writable layer: its nearest mount is the container's root."""
    mounts = [line.split() for line in read("/proc/self/mountinfo").decode(errors="replace").splitlines()]
    real = os.path.realpath(path)
    around = [words for words in mounts if len(words) > 8 and (real + "/").startswith(words[4].rstrip("/") + "/")]
    nearest = max(around, key=lambda words: len(words[4]), default=None)
    return nearest is not None and nearest[4] == "/" and nearest[nearest.index("-") + 1] in ("overlay", "fuse-overlayfs")


def version():
    for name in ("langflow", "langflow-base"):
        try:
            return f"{name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def main():
    # Later changes may be missing from the copy.
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    langflow = LangFlow.found()
    url = langflow.database_url()
    archive = Archive(sys.stdout.buffer)
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "langflow.db")
        into = sqlite3.connect(copy)
        if POSTGRES.match(url):
            database = None
            kind = "PostgreSQL"
            copy_postgres(url, into)
        else:
            database = langflow.sqlite()
            kind = "SQLite"
            copy_sqlite(database, into)
        into.close()
        archive.add_path("langflow.db", copy)
    key = langflow.secret_key()
    if key:
        archive.add_bytes("secret_key", key)
    else:
        warn("LangFlow's secret key was not found: set LANGFLOW_SECRET_KEY when you run `move-in`")
    files = add_uploads(archive, langflow.config)
    add_knowledge_bases(archive, langflow)
    warn_of_places(langflow, database)
    # Written last: an archive without this file is incomplete.
    told = {"langflow": version(), "database": kind, "config": langflow.config, "files": files, "warnings": warnings}
    archive.add_bytes("collected.json", json.dumps({**told, "at": at}).encode())
    archive.tar.close()
    sys.stdout.buffer.flush()
    for each in warnings:
        say(WARNING + each)


for each in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(each, lambda number, _: sys.exit(128 + number))  # so that the temporary copy is deleted
main()
