# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install packages into a venv that has no pip yet, with the pip that Python carries.

Stands in for the get-pip script that ansible-test would download: it is run by the venv's Python, with pip's
options and requirements as arguments.
"""

from __future__ import annotations

import subprocess
import sys

if __name__ == "__main__":
    # setuptools and wheel are left out anyway, and pip itself does not know these two
    arguments = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
    # in a process of its own: ensurepip hides pip's settings (mirrors, certificates) from whatever runs after it
    subprocess.run([sys.executable, "-m", "ensurepip", "--upgrade"], check=True, stdout=subprocess.DEVNULL)
    sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", "-qq", *arguments]))
