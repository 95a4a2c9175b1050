# Copyright (c) 2026 the vdisk.gluster authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

.DEFAULT_GOAL := help
.PHONY: help check setup demo teardown test test-all unit lint sanity integration faults live month molecule mutations bench examples docs importer build release matrix coverage freeze clean clear-leftovers .shares .targets

SHELL := /bin/bash
# the one environment of all recipes, and the functions that they call
env := source tools/env.sh;

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*##/\1/p' Makefile | while read -r name what; do printf '%-12s %s\n' "$$name" "$$what"; done

check: .setup-check  ## linters of code and unit tests, in a minute; no root, nothing installed outside of .venv
	@tools/check.sh

setup: .setup-run  ## install what the playbooks need, into .venv

# what a part needs stands in tools/setup.sh
.setup-%:
	@tools/setup.sh $*

# a playbook of the collection on this machine; the password is asked for once, and only where sudo wants one
define play
	@$(env) become=(); \
	is_root || { become=(--become); sudo -n true 2>/dev/null || become+=(--ask-become-pass); }; \
	if [[ -t 1 ]]; then export ANSIBLE_FORCE_COLOR=true; fi; \
	tally run $(1) ansible-playbook -- ansible-playbook "$${become[@]}" vdisk.gluster.$(1) $(ARGS)
endef

demo: .setup-run  ## do the main job on a GlusterFS of this machine (ARGS="--check --diff" only tells)
	$(call play,quickstart)

teardown: .setup-run  ## take away what the demo made
	$(call play,teardown)

test:  ## all parts, of like cases a sample, and a table of what they ran; half an hour
	@tools/test.sh

test-all:  ## all cases, kills at every call, every ansible-core, the mutations; a day, and goes on where it was cut off
	@tools/test.sh all

# one process more than processors, for some tests wait; one that is done takes tests from the others
in_parallel := -n $(shell expr $$(nproc) + 1) --dist worksteal

# pytest with a report that is counted: the part, its folders and options
pytest = tally run $(1) pytest --junit .cache/ran/$(1)-pytest.xml -- pytest $(2) --junit-xml=.cache/ran/$(1)-pytest.xml $(ARGS)

unit: .setup-check  ## unit tests (ARGS="-k name")
	@$(env) harness preflight unit; $(call pytest,unit,tests/unit $(in_parallel))

lint: .setup-lint  ## all linters
	@tools/lint.sh

sanity: .setup-sanity  ## ansible-test sanity on every Python found (ARGS="--test pep8")
	@tools/ansible-test.sh sanity $(ARGS)

docs: .setup-lint  ## the documentation site, in .cache/docs/html
	@$(env) site=$$root/.cache/docs; rm -rf "$$site"; mkdir -p "$$site/source/collections"; cp docs/*.md "$$site/source/"; \
	HOME=$$root/.cache antsibull-docs collection --use-current --squash-hierarchy --fail-on-error \
	    --dest-dir "$$site/source/collections" vdisk.gluster; \
	sphinx-build --quiet --fail-on-warning --keep-going --nitpicky --jobs 2 \
	    --conf-dir tools/docs --doctree-dir "$$site/doctrees" "$$site/source" "$$site/html"; \
	echo "docs: $$(find "$$site/html" -name '*.html' | wc -l) pages, no warning: .cache/docs/html/index.html"

build: .setup-run  ## the collection as a file that ansible-galaxy installs
	@$(env) rm -rf .cache/dist; ansible-galaxy collection build --output-path .cache/dist; \
	for module in plugins/modules/*.py; do \
	    tar -tzf .cache/dist/*.tar.gz "$$module" >/dev/null || die "$$module is not in the archive"; \
	done

importer: build  ## let Ansible Galaxy's importer judge the archive
	@tools/importer.sh

release: .setup-release  ## prepare a release (VERSION=1.2.3; TRY=yes does it in a copy)
	@tools/release.sh $(if $(TRY),--try) $(VERSION)

freeze: .setup-run  ## resolve the requirements anew and pin them
	@tools/setup.sh freeze

clean:  ## remove .venv and .cache
	@rm -rf .venv .cache

# what mounts, makes name spaces and starts servers is made by root; the servers are started by the fixtures of the tests
ifneq ($(shell id -u),0)
integration faults live month molecule mutations bench examples matrix coverage clear-leftovers: %: .setup-%
	@$(env) rooted $(MAKE) --no-print-directory $@ ARGS='$(subst ','\'',$(ARGS))'
else

integration: .setup-integration  ## tests on a real GlusterFS; needs root and /dev/fuse (ARGS="-k name")
	@rm -f .cache/ran/integration.jsonl
	@$(MAKE) --no-print-directory --jobs=2 --keep-going .shares .targets

.shares:
	@$(env) $(call pytest,integration,tests/functional/share tests/functional/roles -n 3 --dist worksteal)

# pytest runs the modules on the Python of .venv, these run them on the oldest one of this machine, side by side: both wait often
.targets:
	@$(env) code=0; harness glusterd tools/ansible-test.sh targets >.cache/targets.log 2>&1 || code=$$?; cat .cache/targets.log; exit $$code

# one process makes the cluster of a sample; of all moments each makes one for itself
faults: .setup-faults  ## kill tasks at their system calls, random turns on two hosts (ARGS="--all", ARGS="--sequences 50 -k model")
	@$(env) rm -f .cache/ran/faults.jsonl; $(call pytest,faults,tests/functional/faults -n 3 --dist $(if $(filter --all,$(ARGS)),worksteal,loadgroup))

live: .setup-live  ## real virtual machines write while their disks are changed (ARGS="-k name")
	@$(env) rm -f .cache/ran/live.jsonl; $(call pytest,live,tests/functional/live -n 3 --dist loadgroup)

month: .setup-month  ## a simulated month of twenty disks of five machines, from provisioning to the report (ARGS="--nights 5")
	@$(env) rm -f .cache/ran/live.jsonl; $(call pytest,live,tests/functional/live -k month -n 0 --all)

molecule: .setup-molecule  ## roles and modules on clusters of several hosts, over ssh (ARGS="cluster" runs that scenario, ARGS=--all each)
	@$(env) rm -f .cache/ran/molecule.jsonl; code=0; \
	pytest tests/functional/molecule -n 2 --dist worksteal --junit-xml=.cache/ran/molecule-pytest.xml $(if $(filter --%,$(ARGS)),$(ARGS),$(if $(ARGS),--scenario '$(ARGS)')) || code=$$?; \
	tally note molecule --junit .cache/ran/molecule-pytest.xml; tally table molecule; exit $$code

mutations: .setup-mutations  ## break each invariant and see which part of the test notices (ARGS="08-no-lock")
	@$(env) rm -f .cache/ran/mutations.jsonl; \
	harness glusterd python tools/tally.py run mutations mutations -- python tests/mutations/mutate.py $(ARGS)

bench: .setup-bench  ## time the modules against bare qemu-img
	@$(env) harness glusterd python tests/bench/run.py $(ARGS)

examples: .setup-examples  ## run every example of the documentation (ARGS="-k name")
	@tools/examples.sh $(ARGS)

matrix: .setup-matrix  ## every supported ansible-core, and every Python of a managed host
	@tools/matrix.sh $(ARGS)

clear-leftovers: .setup-clear-leftovers  ## clear away what interrupted tests have left on this machine, as the next ones do
	@$(env) harness clear

coverage: .setup-coverage  ## lines of the modules that no real run reaches (ARGS="-k name")
	@tools/coverage.sh $(ARGS)

endif
