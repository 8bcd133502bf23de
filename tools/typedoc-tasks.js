/** A plugin of TypeDoc: in the API reference the names of an entry are listed by what they are for (tools/api-tasks.js). */
import { Comment, CommentTag, Converter, ReflectionKind } from "typedoc";
import { TASKS } from "./api-tasks.js";

const taskOf = new Map(
  Object.values(TASKS).flatMap((tasks) =>
    Object.entries(tasks).flatMap(([task, names]) => names.map((name) => /** @type {const} */ ([name, task]))),
  ),
);

/** @param {import("typedoc").Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
      if (!module.isContainer()) continue;
      for (const child of module.children ?? []) {
        const task = taskOf.get(child.name);
        if (task === undefined) continue;
        const tag = new CommentTag("@category", [{ kind: "text", text: task }]);
        // What can be called has its comment where it is called.
        const owners = child.signatures ?? [child];
        for (const owner of owners) {
          owner.comment ??= new Comment();
          owner.comment.blockTags.push(tag);
        }
      }
    }
  });
}
