/** Docker names a container by the beginning of its id; systemd-detect-virt names the kind; the file is Docker's own. */
const TYPED_IN_CONTAINER =
  /^(?:\[?[\w-]{1,32}@[0-9a-f]{12}[: ][^\n#$]{0,60}[#$]|[^\n]{0,60}\bsystemd-detect-virt(?: (?:-c|--container))?\s{1,4}\n?\s{0,4}(?:docker|podman|lxc|lxc-libvirt|systemd-nspawn|openvz|rkt|pouch|container-other)\b)|^Linux [0-9a-f]{12} \d|\b(?:\d{1,2}:[\w,=]{0,24}:|0::)\/(?:docker|kubepods|lxc)[/.]/m;

/** Its shells are in a container, and so is what fails there. */
const WORKSPACE = /\bcodespaces?\b|\bdev ?containers?\b|^\s{0,8}\S{0,12} ?➜ \/workspaces\//im;
/** Whether what a text shows was typed in a container. */
export const isTypedInContainer = (text: string): boolean =>
  TYPED_IN_CONTAINER.test(text) || (text.length < 20_000 && WORKSPACE.test(text));
