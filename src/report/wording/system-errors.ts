/** In words for users, by the name of the error. */
const WORDS: { readonly [code: string]: string } = {
  E2BIG: "too many arguments",
  EACCES: "permission denied",
  EAGAIN: "nothing is there to be read yet",
  EBADF: "it is not open",
  EBUSY: "it is in use",
  EDQUOT: "the disk quota is used up",
  EEXIST: "there is such a file already",
  EFBIG: "the file would become too large",
  EINTR: "a signal interrupted it",
  EINVAL: "the system does not allow it there",
  EIO: "input/output error",
  EISDIR: "it is a directory",
  ELOOP: "its symbolic links lead round in a circle",
  EMFILE: "too many files are open",
  ENAMETOOLONG: "no such file, as the name is too long",
  ENFILE: "too many files are open on this machine",
  ENODEV: "there is no such device",
  ENOENT: "no such file or directory",
  ENOMEM: "not enough memory",
  ENOSPC: "no space is left on the device",
  ENOTCONN: "nothing is connected",
  ENOTDIR: "a part of the path is not a directory",
  ENOTSUP: "the file system cannot do it",
  ENXIO: "there is no such device or address",
  EOVERFLOW: "the file is too large",
  EPERM: "the operation is not permitted",
  EPIPE: "the reading end is closed",
  EROFS: "the file system is read-only",
  ESTALE: "the file went away on its server",
  ETIMEDOUT: "it took too long",
  ETXTBSY: "the program in it is running",
};

/** `no space is left on the device (ENOSPC)`, for the name of an error of the system. */
export function systemError(code: string): string {
  return WORDS[code] === undefined ? code : `${WORDS[code]} (${code})`;
}
