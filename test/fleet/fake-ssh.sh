# Answers like ssh to hosts of a test: the name is the last word but one.
host=$1
cat >/dev/null
case $host in
  good | good:1 | good_1)
    printf '# vmxlens-collect 1\nrelease: 6.1.0-28-amd64\n'
    printf '0x3a: 0x5\n0x480: 0xda040000000004\n0x48b: 0x7ffff00000000\n'
    printf '# end of vmxlens-collect\n'
    ;;
  broken) printf '# vmxlens-collect 1\nrelease: 6.1.0\n' ;;
  slow) exec sleep 30 ;;
  *)
    echo 'connection refused' >&2
    exit 255
    ;;
esac
