#!/bin/sh
# Writes tiny.ts from the two sources beside it. Needs gcc 12 or later (BTF) and binutils.
set -eu
cd "$(dirname "$0")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
flags="-O2 -ffreestanding -fno-pic -mcmodel=kernel -mno-red-zone -mno-sse -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables -gbtf -ffile-prefix-map=$(pwd)/="
gcc $flags -c kernel-types.c -o "$scratch/types.o"
objcopy --dump-section .BTF="$scratch/types.btf" "$scratch/types.o"
# The module's types and their names are numbered from the start: an empty base says so.
{ printf '\237\353\001\000\030\000\000\000'; head -c 16 /dev/zero; } > "$scratch/base"
gcc $flags -c tiny-module.c -o "$scratch/module.o"
objcopy --add-section .BTF.base="$scratch/base" --strip-debug --remove-section .comment "$scratch/module.o" "$scratch/module.ko"
objcopy --dump-section .BTF="$scratch/module.btf" "$scratch/module.o"
objcopy --remove-section .BTF "$scratch/module.ko"
objcopy --add-section .BTF="$scratch/module.btf" "$scratch/module.ko"
{
  echo "/* Made by build.sh from the sources beside it. */"
  echo "export const TINY_MODULE ="
  echo "  \"$(gzip -9n < "$scratch/module.ko" | base64 -w0)\";"
  echo "export const TINY_TYPES ="
  echo "  \"$(gzip -9n < "$scratch/types.btf" | base64 -w0)\";"
} > tiny.ts
