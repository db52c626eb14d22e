// This node's part of a computation as a task, by the API of clients: it goes on whatever becomes of the page.

import { call } from "./api.js";
import { load } from "./store.js";

/** Calls an object of the node, and returns the handle of what it gave back. */
async function invoke(method, named = {}) {
  return (await call("PATCH", `/representation/${method}`, { args: [], kwargs: named })).uuid;
}

/** Starts it. `selection` is `{dataset, columns, where, beside}`, or null where the party brings nothing. */
export async function begin({ function: which, parameters, selection, nodes, myself, network }) {
  const handles = [];
  const keep = (handle) => {
    handles.push(handle);
    return handle;
  };
  const service = async (requirements) => keep((await call("POST", "/representations", { args: [], kwargs: requirements })).uuid);
  const method = async (of, name) => keep((await call("GET", `/representation/${of}/${name}`)).uuid);
  try {
    let data = [];
    if (selection) {
      const { dataset, columns, where, beside } = selection;
      const select = await method(await service({ microservice: "Datasets" }), "select");
      data = { ...beside, representation_uuid: keep(await invoke(select, { dataset, columns, where })) };
    }
    // A task's computation has the task's name.
    const create = await method(await service({ protocol: "Simon" }), "create_task");
    const task = keep(await invoke(create, { microprotocol: which, parameters, network: { nodes, uuid: network, myself }, task_id: network }));
    await invoke(await method(task, "input"), { data });
    await invoke(await method(task, "start"));
  } finally {
    // A handle that is not given back expires at the node.
    for (const handle of handles) call("DELETE", `/representation/${handle}`).catch(() => {});
  }
  await load("computations");
}
