# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process, with the killer preloaded, that forks off one process for each module it is asked to run.

It has imported all that modules need, so that a run costs no start of Python. A request is a line of JSON; the answers to it are two:
the process of the run when it begins, and how it ended.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import pathlib
import sys
import tempfile
import traceback
from typing import Any, Callable

_PR_SET_CHILD_SUBREAPER = 36


def _run(module: Any, options: dict[str, Any], control: str | None, prepare: dict[str, Any] | None) -> int:
    """Run a module in this process, which is a child, and return its exit status."""
    from ansible.module_utils.testing import patch_module_args
    from ansible_collections.vdisk.gluster.plugins.module_utils._common import parallel

    # what is done at once for many volumes only is done so for the few of these tests too
    parallel.FEW = 0
    os.setpgid(0, 0)
    if control is not None:
        os.environ["KILLER_CONTROL"] = control
        ctypes.CDLL(None).killer_arm(control.encode())
    try:
        if prepare is not None:
            getattr(importlib.import_module(prepare["module"]), prepare["function"])(**prepare["arguments"])
        with patch_module_args(options):
            module.main()
    except SystemExit as ended:
        return int(ended.code or 0)
    except BaseException:
        traceback.print_exc(file=sys.stdout)
    return 70


def _answer(modules: dict[str, Any], request: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> None:
    with tempfile.TemporaryFile() as out:
        pid = os.fork()
        if not pid:
            status = 70
            try:
                os.dup2(out.fileno(), 1)
                status = _run(modules[request["module"]], request["options"], request["control"], request["prepare"])
                sys.stdout.flush()
            finally:
                os._exit(status)
        tell({"pid": pid})
        status = None
        # the programs of a killed task end with it; none of them may still hold a lock when the next task starts
        while True:
            try:
                ended, how = os.wait()
            except ChildProcessError:
                break
            if ended == pid:
                status = os.waitstatus_to_exitcode(how)
        out.seek(0)
        tell({"status": status, "output": out.read().decode("utf-8", "replace")})


def main() -> None:
    sys.path.insert(0, sys.argv[1])
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    names = [path.stem for path in pathlib.Path(sys.argv[1], "ansible_collections/vdisk/gluster/plugins/modules").glob("gluster_*.py")]
    modules = {name: importlib.import_module(f"ansible_collections.vdisk.gluster.plugins.modules.{name}") for name in names}
    importlib.import_module("ansible.module_utils.testing")
    ours = pathlib.Path(sys.argv[1], "ansible_collections/vdisk/gluster/plugins/module_utils")
    for path in ours.glob("_*/*.py"):
        importlib.import_module(f"ansible_collections.vdisk.gluster.plugins.module_utils.{path.parent.name}.{path.stem}")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")

    def tell(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    for line in sys.stdin:
        _answer(modules, json.loads(line), tell)


if __name__ == "__main__":
    main()
