#!/usr/bin/env bash
# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Run ansible-test on a copy of the checkout: committed or not, but not what git ignores.
# usage: ansible-test.sh sanity [OPTION]...              on every Python of this machine that it knows, from 3.8 up, with nothing ignored
#        ansible-test.sh targets [PART NAME [PYTHON]]    tests/integration/targets, on the oldest Python or that one; glusterd has to run
#        ansible-test.sh run COMMAND [OPTION]...         any other command, uncounted
# ansible-test wants a real folder .../ansible_collections/vdisk/gluster. It follows a link out of it and then refuses,
# and a folder of links it takes, finds nothing to test in it, and is green.
source "$(dirname "$0")/env.sh"

case ${1:-} in
run) shift ;;
sanity)
    shift
    if compgen -G 'tests/sanity/ignore*' >/dev/null; then
        die "tests/sanity/ignore* must not exist: mend what it hides"
    fi
    must_run=(ansible-doc pep8 pylint runtime-metadata shebang validate-modules yamllint)
    for version in $(found_pythons); do
        must_run+=("compile-python-$version" "import-python-$version")
    done
    # asked for less than everything: then that must run
    [[ $# == 0 ]] || must_run=()
    results=.cache/ansible-test/sanity/ansible_collections/vdisk/gluster/tests/output/junit
    tally run sanity ansible-test --junit "$results" "${must_run[@]/#/--must-run=}" -- tools/ansible-test.sh run sanity --junit "$@"
    exit
    ;;
targets)
    read -r oldest _ < <(found_pythons | xargs)
    controller=$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    tally run "${2:-integration}" "${3:-ansible-test}" --targets tests/integration/targets -- \
        tools/ansible-test.sh run integration --allow-root --allow-destructive \
        --controller "origin:python=$controller" --target "controller:python=${4:-$oldest}"
    exit
    ;;
*) die "usage: $0 sanity|targets|run ..." ;;
esac

# another ansible-core than that of .venv, from a venv of its own
[[ ! ${ANSIBLE_TEST_VENV:-} ]] || export PATH=$ANSIBLE_TEST_VENV/bin:$PATH

work=$root/.cache/ansible-test
# one copy a command, so that two commands can run at a time
copy=$work/${ANSIBLE_TEST_COPY:-$1}/ansible_collections/vdisk/gluster
rm -rf "$copy"
mkdir -p "$copy"
# deleted files are still in git's list until the deletion is staged
git ls-files -co --exclude-standard -z | while IFS= read -r -d '' file; do
    [[ ! -e $file && ! -L $file ]] || printf '%s\0' "$file"
done | tar --null -T - -cf - | tar -xf - -C "$copy"
# what the targets make is cleared away with their run; ansible-test keeps the environment from them
if [[ $1 == integration && ${VDISK_TEST_RUN:-} ]]; then
    printf 'setup_gluster_place: /var/lib/vdisk-tests/%s\nsetup_gluster_prefix: vdt%s-\n' "$VDISK_TEST_RUN" "$VDISK_TEST_RUN" \
        >"$copy/tests/integration/integration_config.yml"
fi
# without a repository of its own ansible-test asks the one around it, which ignores this place: nothing to test again
git init -q "$copy"

# ansible-test fills its own venvs with a script that it downloads and keeps in the home folder. Give it a home folder
# of its own, in which another script stands in. pip's settings and cache stay those of the user.
home=$work/home
mkdir -p "$home/.ansible/test/cache"
# the names by which ansible-core 2.17, 2.18 and 2.19, 2.20 and later look for it
for version in 20_3_4 21_3_1 23_1_2 24_2 25_2; do
    cp tools/pip_bootstrap.py "$home/.ansible/test/cache/get_pip_$version.py"
done
for shared in .cache .config .pip; do
    [[ ! -e $HOME/$shared ]] || ln -sfn "$HOME/$shared" "$home/$shared"
done

use_real_pythons
export HOME=$home
cd "$copy"
exec ansible-test "$@" --color no
