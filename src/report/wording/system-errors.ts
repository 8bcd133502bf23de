/** In words for users, by the name of the error. */
const WORDS: { readonly [code: string]: string } = {
  E2BIG: "too many arguments",
  EACCES: "permission denied",
  EAGAIN: "no data is there yet",
  EBADF: "it is not open",
  EBUSY: "it is in use",
  EDQUOT: "the disk quota is used up",
  EEXIST: "the file already exists",
  EFBIG: "the file would become too large",
  EINTR: "a signal interrupted it",
  EINVAL: "the system does not allow that here",
  EIO: "input/output error",
  EISDIR: "it is a directory",
  ELOOP: "its symbolic links form a loop",
  EMFILE: "too many files are open",
  ENAMETOOLONG: "no such file, as the name is too long",
  ENFILE: "too many files are open on this machine",
  ENODEV: "there is no such device",
  ENOENT: "no such file or directory",
  ENOMEM: "not enough memory",
  ENOSPC: "no space is left on the device",
  ENOTCONN: "nothing is connected",
  ENOTDIR: "a part of the path is not a directory",
  ENOTSUP: "the file system does not support it",
  ENXIO: "there is no such device or address",
  EOVERFLOW: "the file is too large",
  EPERM: "the operation is not permitted",
  EPIPE: "the reading end is closed",
  EROFS: "the file system is read-only",
  ESTALE: "the file is gone from its server",
  ETIMEDOUT: "it timed out",
  ETXTBSY: "the file is a running program",
};

/** `no space is left on the device (ENOSPC)`, for the name of an error of the system. */
export function systemError(code: string): string {
  return WORDS[code] === undefined ? code : `${WORDS[code]} (${code})`;
}
