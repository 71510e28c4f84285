"""
Answers requests on its standard input, one JSON object a line: {"id", "engine", "call", "arguments"}.
Answers on descriptor 3, so that nothing an engine prints comes in between.
"""

import importlib
import json
import os
import sys
import traceback


def main():
    answers = os.fdopen(3, "w", buffering=1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            call = getattr(importlib.import_module(request["engine"]), request["call"])
            answer = {"id": request["id"], "result": call(**request["arguments"])}
        except Exception as error:
            traceback.print_exc()
            answer = {"id": request["id"], "error": f"{type(error).__name__}: {str(error)[:2000]}"}
        answers.write(json.dumps(answer) + "\n")


main()
