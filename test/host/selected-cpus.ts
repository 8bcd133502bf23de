/**
 * Registers of a few real processors (InstLatx64 dumps), one for each kind: without TRUE registers, without secondary
 * EPT and VPID, a server, a hybrid whose cores disagree, tertiary and secondary exit controls, FRED, Zhaoxin.
 */
export interface SelectedCpu {
  readonly id: string;
  readonly vendor: string;
  readonly features: { readonly vmx: boolean; readonly smx: boolean; readonly la57: boolean; readonly shstk: boolean };
  readonly cores: readonly {
    readonly types: readonly ("P" | "E" | "LP-E")[];
    readonly msrs: Readonly<Record<string, string>>;
  }[];
}

export const SELECTED_CPUS: readonly SelectedCpu[] = [
  {
    id: "intel-6f6-conroe",
    vendor: "GenuineIntel",
    features: { vmx: true, smx: false, la57: false, shstk: false },
    cores: [
      {
        types: [],
        msrs: {
          "0x480": "0x1a040000000007",
          "0x481": "0x1f00000016",
          "0x482": "0x77b9fffe0401e172",
          "0x483": "0x3efff00036dff",
          "0x484": "0x1fff000011ff",
          "0x485": "0x403c0",
          "0x486": "0x80000021",
          "0x487": "0xffffffff",
          "0x488": "0x2000",
          "0x489": "0x27ff",
          "0x48a": "0x2c",
        },
      },
    ],
  },
  {
    id: "intel-10676-yorkfield",
    vendor: "GenuineIntel",
    features: { vmx: true, smx: false, la57: false, shstk: false },
    cores: [
      {
        types: [],
        msrs: {
          "0x480": "0x5a08000000000d",
          "0x481": "0x3f00000016",
          "0x482": "0xf7f9fffe0401e172",
          "0x483": "0x3ffff00036dff",
          "0x484": "0x3fff000011ff",
          "0x485": "0x403c0",
          "0x486": "0x80000021",
          "0x487": "0xffffffff",
          "0x488": "0x2000",
          "0x489": "0x27ff",
          "0x48a": "0x2c",
          "0x48b": "0x4100000000",
        },
      },
    ],
  },
  {
    id: "intel-50654-skylakexeon-8",
    vendor: "GenuineIntel",
    features: { vmx: true, smx: true, la57: false, shstk: false },
    cores: [
      {
        types: [],
        msrs: {
          "0x480": "0xda040000000004",
          "0x481": "0xff00000016",
          "0x482": "0xfff9fffe0401e172",
          "0x483": "0x1ffffff00036dff",
          "0x484": "0x3ffff000011ff",
          "0x485": "0x7004c1e7",
          "0x486": "0x80000021",
          "0x487": "0xffffffff",
          "0x488": "0x2000",
          "0x489": "0x7767ff",
          "0x48a": "0x2e",
          "0x48b": "0x25f7fff00000000",
          "0x48c": "0xf0106734141",
          "0x48d": "0xff00000016",
          "0x48e": "0xfff9fffe04006172",
          "0x48f": "0x1ffffff00036dfb",
          "0x490": "0x3ffff000011fb",
        },
      },
    ],
  },
  {
    id: "intel-806a1-lakefield",
    vendor: "GenuineIntel",
    features: { vmx: true, smx: false, la57: false, shstk: false },
    cores: [
      {
        types: ["E"],
        msrs: {
          "0x480": "0xda050000000013",
          "0x481": "0xff00000016",
          "0x482": "0xfff9fffe0401e172",
          "0x483": "0x37fffff00036dff",
          "0x484": "0x6ffff000011ff",
          "0x485": "0x7004c1e7",
          "0x486": "0x80000021",
          "0x487": "0xffffffff",
          "0x488": "0x2000",
          "0x489": "0x352fff",
          "0x48a": "0x2e",
          "0x48b": "0x35d6fff00000000",
          "0x48c": "0xf0106714141",
          "0x48d": "0xff00000016",
          "0x48e": "0xfff9fffe04006172",
          "0x48f": "0x37fffff00036dfb",
          "0x490": "0x6ffff000011fb",
        },
      },
      {
        types: ["P"],
        msrs: {
          "0x480": "0xda050000000013",
          "0x481": "0xff00000016",
          "0x482": "0xfff9fffe0401e172",
          "0x483": "0x37fffff00036dff",
          "0x484": "0x6ffff000011ff",
          "0x485": "0x7004c1e7",
          "0x486": "0x80000021",
          "0x487": "0xffffffff",
          "0x488": "0x2000",
          "0x489": "0x352fff",
          "0x48a": "0x2e",
          "0x48b": "0x435d6fff00000000",
          "0x48c": "0xf0106714141",
          "0x48d": "0xff00000016",
          "0x48e": "0xfff9fffe04006172",
          "0x48f": "0x37fffff00036dfb",
          "0x490": "0x6ffff000011fb",
        },
      },
    ],
  },
  {
    id: "intel-806f8-sapphirerapids-05",
    vendor: "GenuineIntel",
    features: { vmx: true, smx: true, la57: true, shstk: true },
    cores: [
      {
        types: [],
        msrs: {
          "0x480": "0x3da050000000013",
          "0x481": "0xff00000016",
          "0x482": "0xfffbfffe0401e172",
          "0x483": "0xff7fffff00036dff",
          "0x484": "0x7effff000011ff",
          "0x485": "0x7004c1e7",
          "0x486": "0x80000021",
          "0x487": "0xffffffff",
          "0x488": "0x2000",
          "0x489": "0x3f77fff",
          "0x48a": "0x2e",
          "0x48b": "0xcfff3fff00000000",
          "0x48c": "0x10f0106f341c1",
          "0x48d": "0xff00000016",
          "0x48e": "0xfffbfffe04006172",
          "0x48f": "0xff7fffff00036dfb",
          "0x490": "0x7effff000011fb",
        },
      },
    ],
  },
  {
    id: "intel-d0651-wildcatlake-02",
    vendor: "GenuineIntel",
    features: { vmx: true, smx: true, la57: false, shstk: true },
    cores: [
      {
        types: ["P", "LP-E"],
        msrs: {
          "0x480": "0x7da060000000015",
          "0x481": "0xff00000016",
          "0x482": "0xfffbfffe0401e172",
          "0x483": "0xff7fffff00036dff",
          "0x484": "0x1feffff000011ff",
          "0x485": "0x7004c1e7",
          "0x486": "0x80000021",
          "0x487": "0xffffffff",
          "0x488": "0x2000",
          "0x489": "0x11bf76fff",
          "0x48a": "0x2e",
          "0x48b": "0xc75f7fff00000000",
          "0x48c": "0x10f0106f34141",
          "0x48d": "0xff00000016",
          "0x48e": "0xfffbfffe04006172",
          "0x48f": "0xff7fffff00036dfb",
          "0x490": "0x1feffff000011fb",
        },
      },
    ],
  },
  {
    id: "centaur-307b1-zxe",
    vendor: "CentaurHauls",
    features: { vmx: true, smx: true, la57: false, shstk: false },
    cores: [
      {
        types: [],
        msrs: {
          "0x3a": "0x5",
          "0x480": "0xd8040000000007",
          "0x481": "0x3f00000016",
          "0x482": "0xfff9fffe0401e172",
          "0x483": "0x3fffff00036dff",
          "0x484": "0xffff000011ff",
          "0x485": "0x401e0",
          "0x486": "0x80000021",
          "0x487": "0xffffffff",
          "0x488": "0x2000",
          "0x489": "0x176fff",
          "0x48a": "0x2a",
          "0x48b": "0x3cee00000000",
          "0x48c": "0xf0106134141",
          "0x48d": "0x3f00000016",
          "0x48e": "0xfff9fffe04006172",
          "0x48f": "0x3fffff00036dfb",
          "0x490": "0xffff000011fb",
        },
      },
    ],
  },
];
