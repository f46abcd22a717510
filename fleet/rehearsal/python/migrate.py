"""Runs LangFlow's own migrations as its pods do: `langflow migration --no-test`.

Argument: a JSON file to write. On success it contains the release's newest revisions. On failure it contains the migration, the
line and the error. The error's message may quote values of rows, which the reader of the file must remove.
"""

import json
import sys
import traceback
from pathlib import Path

# Markers in error messages of drivers and SQLAlchemy. The text after a marker may contain values of rows.
_OF_ROWS = ("[SQL", "[parameters", "DETAIL", "CONTEXT", "LINE ", "(Background")


def causes(error):
    """Returns an error and the errors that caused it, last error first."""
    found = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return found


def is_migration(frame):
    folder = Path(frame.filename).parent
    return folder.name == "versions" and folder.parent.name == "alembic"


def stop_of(error):
    errors = causes(error)
    frames = [(each, frame) for each in errors for frame in traceback.extract_tb(each.__traceback__) if is_migration(frame)]
    why, frame = frames[-1] if frames else (errors[-1], None)
    lines = str(why).splitlines()
    kept = lines[: next((at for at, line in enumerate(lines) if line.lstrip().startswith(_OF_ROWS)), len(lines))]
    return {
        "migration": Path(frame.filename).stem if frame else None,
        "line": frame.lineno if frame else None,
        "code": frame.line if frame else None,
        "error": type(why).__name__,
        "message": " ".join(" ".join(kept[:3]).split()),
    }


def heads():
    import langflow
    from alembic.script import ScriptDirectory

    return sorted(ScriptDirectory(str(Path(langflow.__file__).parent / "alembic")).get_heads())


def main(told):
    try:
        from langflow.__main__ import app

        code = app(["migration", "--no-test"], standalone_mode=False)
        if isinstance(code, int) and code != 0:
            raise SystemExit(code)
        told.write_text(json.dumps({"heads": heads()}))
    except BaseException as error:
        told.write_text(json.dumps(stop_of(error)))
        sys.exit(1)


main(Path(sys.argv[1]))
