import { t } from "../texts.js";

/** Which of the kinds of cores of a hybrid CPU: nothing to choose where there is one. */
export function CoreSelect(props: {
  readonly id: string;
  readonly types: readonly string[];
  readonly chosen: string | undefined;
  readonly choose: (type: string | undefined) => void;
}) {
  const { id, types, chosen, choose } = props;
  if (types.length < 2) return null;
  return (
    <label>
      {t("core")}{" "}
      <select
        id={id}
        value={chosen ?? ""}
        onChange={({ currentTarget: { value } }) => choose(value === "" ? undefined : value)}
      >
        <option value="">{t("core_all")}</option>
        {types.map((type) => (
          <option key={type} value={type}>
            {type}
          </option>
        ))}
      </select>
    </label>
  );
}
