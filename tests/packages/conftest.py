"""What the packages have beside the programs. As root: MOORING_BIN=build/dev/bin python -m pytest tests/packages

Daemons and scratch directories are those of tests/node.
"""

import importlib.util
import pathlib
import sys

_NODE = pathlib.Path(__file__).parents[1] / "node"
sys.path.insert(0, str(_NODE))

# By its path: there can be only one module called conftest.
_spec = importlib.util.spec_from_file_location("node_conftest", _NODE / "conftest.py")
_node_conftest = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_node_conftest)

for _name in ("pytest_configure", "pytest_report_header", "pytest_runtest_makereport", "scratch", "new_moord", "moord", "data"):
    globals()[_name] = getattr(_node_conftest, _name)
