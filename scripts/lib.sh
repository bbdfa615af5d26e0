# shellcheck shell=bash
# What the scripts share. Sourced, never run.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=$ROOT/.cache

# A shell that is no login shell often lacks rustup's folder.
case :$PATH: in
  *:$HOME/.cargo/bin:*) ;;
  *) PATH=$HOME/.cargo/bin:$PATH ;;
esac

die() {
  printf '\nerror: %s\n' "$1" >&2
  shift
  [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}

# at_least VERSION FLOOR
at_least() {
  [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]
}

# --- Rust for wasm -----------------------------------------------------------

# Debian's rustc gets its wasm std from a sysroot of ours, one for each compiler.
debian_sysroot() {
  local version
  version=$(/usr/bin/rustc --version 2>/dev/null) || return 1
  version=${version#rustc }
  version=${version%%)*}
  version=${version// (/-}
  echo "$CACHE/rust/${version// /-}"
}

# wasm_std TARGET: says where std for TARGET is ("own": in the sysroot of the
# rustc on PATH, "debian": in ours), and fails where it is in neither.
# PORTCULLIS_WASM_STD=debian overlooks the first.
wasm_std() {
  local target=$1 libdir sysroot
  if [ "${PORTCULLIS_WASM_STD:-}" != debian ]; then
    libdir=$(rustc --print target-libdir --target "$target" 2>/dev/null) || libdir=
    if [ -n "$libdir" ] && compgen -G "$libdir/libstd-*.rlib" >/dev/null; then
      echo own
      return
    fi
  fi
  sysroot=$(debian_sysroot) || return 1
  [ -d "$sysroot/lib/rustlib/$target" ] || return 1
  echo debian
}

# --- wasm-bindgen ------------------------------------------------------------

# The runner speaks only to its own version of the wasm-bindgen crate.
wasm_bindgen_version() {
  awk '/^name = "wasm-bindgen"$/ { getline; gsub(/[^0-9.]/, ""); print; exit }' "$ROOT/Cargo.lock"
}

wasm_bindgen_runner() {
  local version ours
  version=$(wasm_bindgen_version)
  ours=$CACHE/wasm-bindgen/$version/bin/wasm-bindgen-test-runner
  if [ -x "$ours" ]; then
    echo "$ours"
  elif [ "$(wasm-bindgen-test-runner --version 2>/dev/null)" = "wasm-bindgen-test-runner $version" ]; then
    command -v wasm-bindgen-test-runner
  else
    return 1
  fi
}

# Debian 12's Node 18 crashes on what wasm-bindgen makes.
NODE_OLDEST=20
NODE_VERSION=22.20.0

# Prints the folder of a Node that is new enough.
node_folder() {
  local found
  if found=$(command -v node) && at_least "$(node --version | tr -d v)" "$NODE_OLDEST"; then
    dirname "$found"
  elif [ -x "$CACHE/node/$NODE_VERSION/node" ]; then
    echo "$CACHE/node/$NODE_VERSION"
  else
    return 1
  fi
}
