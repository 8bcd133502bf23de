/**
 * Controls of the default1 class, by group: always 1 in the allowed-0 word of the plain register, and free to be 0 only
 * where the TRUE register says so. SDM A.2, A.3.1, A.3.2, A.4.1 and A.5; Linux has them as masks,
 * `PIN_BASED_ALWAYSON_WITHOUT_TRUE_MSR` and so on.
 */
export const DEFAULT1 = {
  pin: [1, 2, 4],
  primary: [1, 4, 5, 6, 8, 13, 14, 15, 16, 26],
  exit: [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 13, 14, 16, 17],
  entry: [0, 1, 2, 3, 4, 5, 6, 7, 8, 12],
} as const;
