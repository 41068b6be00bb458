#!/usr/bin/env bash
# Puts a kernel of the distribution, and the modules that the tests load, into build/vm. It is unpacked, not installed:
# this machine goes on booting what it boots. Does nothing when it is there.
#   tests/vm/fetch-kernel.sh
# Exit status 77: there is none for this machine (other distributions than Debian, other processors than amd64).
set -euo pipefail
cd "$(dirname "$0")/../.."

# The one for virtual machines: ext4, virtio and NVMe are built in, so it boots without their modules.
meta=linux-image-cloud-amd64
if [[ $(dpkg --print-architecture) != amd64 ]] || ! apt-cache show "$meta" >/dev/null 2>&1; then
  echo "There is no package $meta here: the tests in a virtual machine are left out."
  exit 77
fi
package=$(apt-cache depends "$meta" | awk '$1 == "Depends:" {print $2; exit}')
place=$PWD/build/vm
if [[ -e $place/$package.with-net ]]; then exit 0; fi

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
(cd "$fresh" && apt-get download -qq "$package" 2>/dev/null)
dpkg-deb -x "$fresh"/*.deb "$fresh/root"
rm -rf "$place"
mkdir -p "$place"
cp "$fresh"/root/boot/vmlinuz-* "$place/vmlinuz"
# In the order in which they have to be loaded.
number=10
for module in loop failover net_failover virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_net; do
  find "$fresh/root" -name "$module.ko" -exec cp {} "$place/$number-$module.ko" \;
  number=$((number + 1))
done
touch "$place/$package.with-net"
