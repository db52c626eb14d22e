"""The instructions of a Containerfile as JSON, by a parser of its own: [{"instruction", "value"}, …]."""

import io
import json
import pathlib
import sys

from dockerfile_parse import DockerfileParser

# In memory: the parser would write the file that it is given.
content = pathlib.Path(sys.argv[1]).read_bytes()
parser = DockerfileParser(fileobj=io.BytesIO(content))
steps = [step for step in parser.structure if step["instruction"] != "COMMENT"]
print(json.dumps([{key: step[key] for key in ("instruction", "value")} for step in steps]))
