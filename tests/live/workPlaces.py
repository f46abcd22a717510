"""Writes as LangFlow's file tool and its assistant do, or lists the settings of the installed LangFlow.

Usage: workPlaces.py write USER_ID | workPlaces.py settings
"""

import json
import sys


def write(user_id: str) -> None:
    from langflow.agentic.services.user_components import register_user_component
    from lfx.components.files_and_knowledge.filesystem import FileSystemToolComponent

    tool = FileSystemToolComponent(_user_id=user_id)
    outcome = tool._write_file("note.txt", "written by the file tool")
    if "error" in outcome:
        raise SystemExit(str(outcome))
    register_user_component(user_id=user_id, class_name="Greeter", code="class Greeter:\n    pass\n")


def settings() -> None:
    from lfx.services.settings.base import Settings

    print(json.dumps(sorted(Settings.model_fields)))


if sys.argv[1] == "write":
    write(sys.argv[2])
else:
    settings()
