#!/usr/bin/env bash
# Mooring in two minutes: builds it, then shows the main job with real disks (loop devices), real file systems and a
# real daemon, in a private mount namespace and a scratch directory. Leaves nothing behind but build/.
#   sudo packaging/quickstart.sh
set -euo pipefail
cd "$(dirname "$0")/.."

if ((EUID != 0)); then
  echo "The quick start attaches and mounts real (loop) disks, so it needs root: sudo packaging/quickstart.sh" >&2
  exit 1
fi

if [[ -z ${MOORING_QUICKSTART_INSIDE:-} ]]; then
  packaging/install-dependencies.sh build
  launcher=()
  if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
  mkdir -p build
  echo "Building (the first time takes some minutes)…"
  cmake --preset release -DMOORING_TESTS=OFF "${launcher[@]}" >build/quickstart-configure.log 2>&1 ||
    { cat build/quickstart-configure.log >&2; exit 1; }
  cmake --build --preset release
  MOORING_QUICKSTART_INSIDE=1 exec unshare --mount --propagation private "$0"
fi

bin=$PWD/build/release/bin
scratch=$(mktemp -d /var/tmp/mooring-quickstart.XXXXXX)
export MOORING_SOCKET=$scratch/moord.sock
daemon=

cleanup() {
  status=$?
  if ((status != 0)); then
    echo
    echo "Something went wrong. The daemon's log:" >&2
    cat "$scratch"/moord.log >&2 || true
    if [[ -n $daemon ]]; then "$bin/moorctl" release --task demo --force >/dev/null 2>&1 || true; fi
  fi
  stop_daemon
  rm -rf "$scratch"
}
trap cleanup EXIT

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
run() {
  printf '%s$ %s%s\n' "$dim" "$*" "$plain"
  "$@"
}
moorctl() { "$bin/moorctl" "$@"; }

# Starts moord as if this machine were in the region $1.
start_daemon() {
  cat >"$scratch/moord.yaml" <<EOF
identity: {provider: local, region: $1, instance_id: demo-instance-in-$1}
api: {socket: $MOORING_SOCKET}
definitions: $scratch/volumes.d
mount_root: $scratch/mnt
state_dir: $scratch/state-$1
backends: {local: {directory: $scratch/cloud}}
EOF
  exec {log}< <(exec "$bin/moord" --config "$scratch/moord.yaml" 2>&1)
  daemon=$!
  while read -r line <&"$log"; do
    echo "$line" >>"$scratch/moord.log"
    if [[ $line == *"is ready"* ]]; then break; fi
  done
  cat <&"$log" >>"$scratch/moord.log" &
}

stop_daemon() {
  if [[ -z $daemon ]]; then return; fi
  kill "$daemon" 2>/dev/null || true
  # Not our child in every shell: its end is the end of its log.
  wait 2>/dev/null || true
  exec {log}<&-
  daemon=
}

mkdir -p "$scratch/volumes.d" "$scratch/mnt"
cat >"$scratch/volumes.d/demo.yaml" <<'EOF'
type: volume
name: my-eu-west-1-volume
backend: local
region: eu-west-1
size: 512MB
init_fs: true        # a blank disk may be formatted; without this line it never is
price: 0.088
---
type: volume
name: my-us-east-1-volume
backend: local
region: us-east-1
size: 512MB
init_fs: true
fs: xfs
price: 0.08
EOF
cat >"$scratch/train.dstack.yml" <<'EOF'
type: task
commands: [python train.py]
volumes:
  - name: [my-eu-west-1-volume, my-us-east-1-volume]
    path: /volume_data
EOF

say "A task names two volumes for one mount point: whichever region it lands in, one of them is there."
sed -n '/^volumes/,$p' "$scratch/train.dstack.yml"

say "1. This instance has landed in eu-west-1. Where am I, and what would be chosen? (touches nothing)"
start_daemon eu-west-1
run moorctl identity
run moorctl explain -f "$scratch/train.dstack.yml"

say "2. Attach: the disk is attached, found blank, formatted because its definition allows it, and mounted."
run moorctl attach --task demo -f "$scratch/train.dstack.yml"
data=$scratch/mnt/my-eu-west-1-volume
run findmnt -o TARGET,SOURCE,FSTYPE,OPTIONS "$data"

say "3. The container would see it at /volume_data. It writes a file:"
run sh -c "echo 'epoch 1, loss 0.42' > $data/checkpoint.txt"
run moorctl attach --task demo -f "$scratch/train.dstack.yml" -o docker

say "4. Release: written back, unmounted, detached."
run moorctl release --task demo
stop_daemon

say "5. The next instance lands in us-east-1. The same request gets the other volume:"
start_daemon us-east-1
run moorctl explain -f "$scratch/train.dstack.yml"
run moorctl attach --task demo -f "$scratch/train.dstack.yml"
run moorctl release --task demo
stop_daemon

say "6. And in eu-west-1 again: the file is still there."
start_daemon eu-west-1
run moorctl attach --task demo -f "$scratch/train.dstack.yml"
run cat "$data/checkpoint.txt"
grep -q 'loss 0.42' "$data/checkpoint.txt"
run moorctl release --task demo
stop_daemon

if losetup -a | grep -F "$scratch"; then
  echo "A loop device was left behind" >&2
  exit 1
fi
say "That was all of it: real disks, real file systems, nothing left behind. README.md goes on from here."
