/** What nodes of a KubeVirt cluster lack, as the scheduler and `kubectl describe node` print it. */
const LACKING = /(?<nodes>\d{1,5})? ?\bInsufficient devices\.kubevirt\.io\/(?<device>kvm|tun)\b/g;
const TUN_LISTED = /\bdevices\.kubevirt\.io\/tun"?:\s{1,12}"?(?<count>\d{1,5}k?)\b/g;
/** Every node that lacks the device of KVM lacks tun as well, which every node has. */
export function lacksPlugin(text: string): boolean {
  const nodes = new Map([...text.matchAll(LACKING)].map(({ groups }) => [groups?.device, Number(groups?.nodes ?? 1)]));
  const tun = nodes.get("tun") ?? 0;
  const listed = [...text.matchAll(TUN_LISTED)].map(({ groups }) => groups?.count);
  return (listed.length > 0 && listed.every((count) => count === "0")) || (tun > 0 && tun >= (nodes.get("kvm") ?? 0));
}
