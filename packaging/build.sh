#!/usr/bin/env bash
# Makes the deb and the rpm, in build/packages.
#   sudo packaging/build.sh          installs what it needs; without root that has to be there
# What differs between distributions in its version is linked in, so that the packages can be taken by all that have this
# one's glibc or a later one: see README.md.
set -euo pipefail
cd "$(dirname "$0")/.."

packaging/install-dependencies.sh build package
version=$(sed -n 's/^project(mooring VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
packages=$PWD/build/packages
source=$packages/source/mooring-$version
mkdir -p "$packages/source" "$packages/rpm"
rm -f "$packages"/*.deb "$packages"/*.rpm

# A tree of its own, with debian/ where dpkg wants it; what was compiled there before is kept.
mkdir -p "$source"
find "$source" -mindepth 1 -maxdepth 1 ! -name 'obj-*' -exec rm -rf {} +
git ls-files -z | rsync --archive --from0 --files-from=- ./ "$source/"
cp -r packaging/debian "$source/debian"
if command -v ccache >/dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=ccache; fi

failed() {
  tail -n 40 "$1" | cut -c 1-400
  exit 1
}
step() { printf '== %s\n' "$1"; }
step "deb"
(cd "$source" && dpkg-buildpackage --build=binary --no-sign --no-pre-clean >"$packages/deb.log" 2>&1) || failed "$packages/deb.log"
mv "$packages"/source/mooring_*.deb "$packages/"

step "rpm"
stage=$packages/rpm/stage
rm -rf "$stage"
DESTDIR=$stage cmake --install "$source"/obj-* --prefix /usr --strip >"$packages/rpm.log"
mkdir -p "$stage/usr/lib/systemd/system" "$stage/usr/share/zsh"
mv "$stage"/lib/systemd/system/* "$stage/usr/lib/systemd/system/"
rm -r "${stage:?}/lib"
mv "$stage/usr/share/zsh/vendor-completions" "$stage/usr/share/zsh/site-functions"
mkdir -p "$stage/usr/share/licenses/mooring"
cp LICENSE "$stage/usr/share/licenses/mooring/"
find "$stage/usr/share/man" -type f -exec gzip -9n {} +
rpmbuild -bb --quiet --define "_topdir $packages/rpm" --define "mooring_version $version" --define "mooring_stage $stage" \
  packaging/rpm/mooring.spec >>"$packages/rpm.log" 2>&1 || failed "$packages/rpm.log"
mv "$packages"/rpm/RPMS/*/mooring-*.rpm "$packages/"
ls -l "$packages"/*.deb "$packages"/*.rpm
