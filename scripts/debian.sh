# Installing Debian packages without a question and without starting a service. Sourced by other scripts.
# shellcheck shell=bash

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo --non-interactive "$@"
  else
    echo "This needs root or sudo: $*" >&2
    return 1
  fi
}

# Debian's packages start their service when installed unless this file says no (invoke-rc.d(8)). Where the machine
# has none, one stands there while apt runs; services that already run are not touched.
_POLICY=/usr/sbin/policy-rc.d

_forbid_services() {
  [ -e "$_POLICY" ] && return 0
  printf '#!/bin/sh\n# put here for a moment by Homing'\''s scripts/debian.sh\nexit 101\n' | as_root tee "$_POLICY" >/dev/null
  as_root chmod 755 "$_POLICY"
  trap _allow_services EXIT
}

_allow_services() {
  if grep -qs "Homing's scripts/debian.sh" "$_POLICY"; then
    as_root rm -f "$_POLICY"
  fi
}

_apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l apt-get \
    -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" </dev/null
}

_updated=
debian_update() {
  [ -n "$_updated" ] && return 0
  command -v apt-get >/dev/null || { echo "apt-get was not found: install by hand what is named above." >&2; return 1; }
  _apt_get --quiet=2 update
  _updated=yes
}

# debian_install PACKAGE...: install those that are missing; says nothing and does nothing when all are there.
debian_install() {
  local missing=() package
  for package in "$@"; do
    if [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
      missing+=("$package")
    fi
  done
  [ ${#missing[@]} = 0 ] && return 0
  echo "Installing Debian packages: ${missing[*]}"
  debian_update
  _forbid_services
  # A package that is there already stays at its version; the output is shown only when it fails.
  local log
  log=$(mktemp)
  if ! _apt_get install --yes --no-install-recommends --no-upgrade "${missing[@]}" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
  _allow_services
}

# unpack PACKAGE...: their files below .cache/rigs/FIRST, the libraries they need installed.
unpack() {
  local name=$1 home=.cache/rigs/$1 download package
  [ -e "$home/.unpacked" ] && return 0
  echo "Unpacking $name."
  debian_update
  local libraries=()
  for package in "$@"; do
    mapfile -t -O "${#libraries[@]}" libraries < <(
      apt-cache depends --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances "$package" |
        sed -n 's/^ *|\{0,1\}\(Pre\)\{0,1\}Depends: \(lib[^<]*\)$/\2/p'
    )
  done
  debian_install "${libraries[@]}"
  rm -rf "$home"
  mkdir -p "$home"
  download=$(mktemp -d)
  chmod 755 "$download" # apt's own user writes here
  (cd "$download" && apt-get --quiet=2 -o APT::Sandbox::User="$(id -un)" download "$@")
  for package in "$download"/*.deb; do
    dpkg-deb --extract "$package" "$home"
  done
  rm -rf "$download"
  touch "$home/.unpacked"
}
