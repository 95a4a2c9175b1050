# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

.DEFAULT_GOAL := help
.PHONY: help setup demo teardown test test-all unit lint sanity integration faults live month molecule mutations bench examples docs importer build release matrix coverage freeze clean

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*##/\1/p' Makefile | while read -r name what; do printf '%-12s %s\n' "$$name" "$$what"; done

setup:  ## install what the playbooks need, into .venv
	@tools/setup.sh run

demo:  ## do the main job on a GlusterFS of this machine (ARGS="--check --diff" only tells)
	@tools/playbook.sh quickstart $(ARGS)

teardown:  ## take away what the demo made
	@tools/playbook.sh teardown $(ARGS)

test:  ## unit, lint, sanity, integration, molecule, a sample of faults, live, and a table of what they ran
	@tools/test.sh

test-all:  ## the same with all faults at all moments; takes hours
	@tools/test.sh all

unit:  ## unit tests with coverage (ARGS="-k name")
	@tools/unit.sh $(ARGS)

lint:  ## all linters
	@tools/lint.sh

sanity:  ## ansible-test sanity on every Python found (ARGS="--test pep8")
	@tools/sanity.sh $(ARGS)

integration:  ## tests on a real GlusterFS; needs root and /dev/fuse (ARGS="-k name")
	@tools/integration.sh $(ARGS)

faults:  ## kill tasks at their system calls, random turns on two hosts (ARGS="--all", ARGS="--sequences 50 -k model")
	@tools/faults.sh $(ARGS)

live:  ## real virtual machines write while their disks are changed (ARGS="-k name")
	@tools/live.sh $(ARGS)

month:  ## a simulated month of twenty disks of five machines, from provisioning to the report (ARGS="--nights 5")
	@tools/live.sh -k month -n 0 --nights 30 $(ARGS)

molecule:  ## roles and modules on clusters of several hosts, over ssh (ARGS="cluster" runs that scenario)
	@tools/molecule.sh $(ARGS)

mutations:  ## break each invariant and see that a test notices
	@tools/mutations.sh $(ARGS)

bench:  ## time the modules against bare qemu-img
	@tools/bench.sh $(ARGS)

examples:  ## run every example of the documentation (ARGS="-k name")
	@tools/examples.sh $(ARGS)

docs:  ## the documentation site, in .cache/docs/html
	@tools/docs.sh

build:  ## the collection as a file that ansible-galaxy installs
	@tools/build.sh

importer:  ## let Ansible Galaxy's importer judge the archive
	@tools/importer.sh

release:  ## prepare a release (VERSION=1.2.3; TRY=yes does it in a copy)
	@tools/release.sh $(if $(TRY),--try) $(VERSION)

matrix:  ## every supported ansible-core, and every Python of a managed host
	@tools/matrix.sh $(ARGS)

coverage:  ## lines of the modules that no real run reaches (ARGS="-k name")
	@tools/coverage.sh $(ARGS)

freeze:  ## resolve the requirements anew and pin them
	@tools/freeze.sh

clean:  ## remove .venv and .cache
	@rm -rf .venv .cache
