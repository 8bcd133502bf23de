/* The clouds and CI services whose machines are virtual ones. */

/** Their machines show KVM or QEMU. */
export const KVM_CLOUDS = [
  "Amazon EC2",
  "Google Compute Engine",
  "Alibaba Cloud",
  "DigitalOcean",
  "Oracle Cloud",
  "Linode",
  "Scaleway",
  "IBM Cloud",
  "IONOS",
  "netcup",
  "Huawei Cloud",
  "Yandex Cloud",
  "Vultr",
  "OVHcloud",
  "Contabo",
  "Hetzner Cloud",
] as const;

export const CLOUDS: ReadonlySet<string> = new Set([
  ...KVM_CLOUDS,
  "Azure",
  "Tencent Cloud",
  "GitHub Codespaces",
  "a rented workspace",
]);

export const CLOUDS_AND_CI: readonly string[] = [
  ...CLOUDS,
  "GitHub Actions",
  "GitLab CI",
  "a hosted CI service",
  "Cirrus CI",
];
