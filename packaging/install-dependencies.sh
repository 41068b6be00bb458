#!/usr/bin/env bash
# Installs what Mooring is built with, from the distribution: Debian 12, Debian 13, Ubuntu 24.04.
#   install-dependencies.sh [build|test|lint|fuzz|package|machine]…     default: build
# Does nothing, and needs no root, when everything is there.
set -euo pipefail

boost() {
  # Debian 12 has 1.81 beside its default 1.74.
  if apt-cache show libboost1.81-dev >/dev/null 2>&1 && ! apt-cache show libboost1.83-dev >/dev/null 2>&1; then
    echo libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev
  else
    echo libboost-dev libboost-json-dev libboost-url-dev
  fi
}

packages=()
for what in "${@:-build}"; do
  case $what in
    build)
      # shellcheck disable=SC2207
      packages+=(g++ cmake ninja-build pkg-config $(boost) libyaml-cpp-dev libspdlog-dev libcli11-dev
        libssl-dev libpugixml-dev libsqlite3-dev libmount-dev libblkid-dev libudev-dev libsystemd-dev libext2fs-dev
        ca-certificates
        util-linux e2fsprogs xfsprogs btrfs-progs) ;;
    test) packages+=(libgtest-dev libgmock-dev ccache python3 python3-venv procps qemu-system-x86 busybox-static systemd
      scdoc groff-base zsh fish) ;;
    fuzz) packages+=(clang-14 libclang-rt-14-dev ccache) ;;
    package) packages+=(git rsync dpkg-dev debhelper scdoc rpm libfmt-dev) ;;
    machine) packages+=(lintian mmdebstrap systemd-container e2fsprogs) ;;
    lint) packages+=(clang-format-14 clang-tidy-14 clang-14 shellcheck) ;;
    *) echo "usage: $0 [build|test|lint|fuzz|package|machine]…" >&2; exit 2 ;;
  esac
done

missing=()
for package in "${packages[@]}"; do
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
done
if ((${#missing[@]} == 0)); then exit 0; fi
if ((EUID != 0)); then
  echo "These packages are missing; install them first, or run this as root: ${missing[*]}" >&2
  exit 1
fi
if ! command -v apt-get >/dev/null; then
  echo "This needs a Debian or Ubuntu; elsewhere install the equivalents of: ${missing[*]}" >&2
  exit 1
fi
echo "Installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
