"""Restricts a rehearsal's Python process: it can connect only to this machine and start no program. Logs each blocked attempt."""

import ipaddress
import json
import os
import sys

_LOG = os.environ.get("REHEARSAL_CALLS", os.devnull)
# Drivers that open connections in native code, which the audit hook cannot see.
_DRIVERS = frozenset({"psycopg", "psycopg2", "psycopg_c", "psycopg_binary", "MySQLdb", "pymssql", "oracledb", "pyodbc"})
# Drivers that LangFlow itself needs for its database. They are allowed only if PGHOSTADDR restricts them to this machine.
_DRIVERS -= frozenset(os.environ.get("REHEARSAL_DRIVERS", "").split(",") if "PGHOSTADDR" in os.environ else ())
_LOOKUPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
_PROGRAMS = frozenset({"subprocess.Popen", "os.exec", "os.posix_spawn", "os.system"})


def _is_own(host):
    if host is None or host == "":
        return True
    name = host.decode("ascii", "replace") if isinstance(host, (bytes, bytearray)) else str(host)
    if name == "localhost":
        return True
    try:
        address = ipaddress.ip_address(name.split("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _refuse(called, error=PermissionError):
    with open(_LOG, "a") as log:
        log.write(json.dumps(called) + "\n")
    raise error(f"rehearsal: nothing outside of this machine is called ({called})")


def _name(text):
    return os.fsdecode(text) if isinstance(text, (bytes, bytearray)) else str(text)


def _hook(event, arguments):
    if event in _LOOKUPS and not _is_own(arguments[0]):
        _refuse(_name(arguments[0]))
    elif event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        if isinstance(address, tuple) and not _is_own(address[0]):
            _refuse(f"{address[0]}:{address[1]}")
    elif event in _PROGRAMS:
        _refuse(f"program {os.path.basename(_name(arguments[0]))}")
    elif event == "import" and arguments[0].split(".")[0] in _DRIVERS:
        # Fails as if the driver were not installed, which many packages tolerate.
        _refuse(f"driver {arguments[0].split('.')[0]}", ImportError)


# uvloop connects in native code. Its caller works without it.
sys.modules["uvloop"] = None
sys.addaudithook(_hook)
