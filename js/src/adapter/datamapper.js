const FIELDS = ["parent_type", "child_type", "prop_name", "via"];

// Documented for pages in `types/datamapper.d.ts`.
export class DataMapper {
  #maps;

  constructor(channelMaps) {
    channelMaps ??= [];
    if (!Array.isArray(channelMaps)) {
      throw new TypeError("The channel maps must be an array.");
    }
    for (const map of channelMaps) {
      const missing = FIELDS.find((field) => typeof map?.[field] !== "string");
      if (missing) {
        throw new TypeError(`Each channel map needs a string ${missing}.`);
      }
    }
    this.#maps = channelMaps;
  }

  mapData(datasource, message) {
    const { action, data } = assertObject(message, "message");
    switch (action) {
      case "created":
        return this.mapCreated(datasource, data);
      case "updated":
        return this.mapUpdated(datasource, data);
      case "deleted":
        return this.mapDelete(datasource, data);
      default:
        return datasource;
    }
  }

  mapCreated(datasource, data) {
    assertObject(data, "data");
    if (instancesOf(datasource, data).length > 0) {
      return datasource;
    }
    return this.#place(datasource, data);
  }

  mapUpdated(datasource, data) {
    assertObject(data, "data");
    const instances = instancesOf(datasource, data);
    for (const instance of instances) {
      for (const key of Object.keys(data)) {
        // A field of this name would replace what the instance inherits from.
        if (key !== "__proto__") {
          instance[key] = data[key];
        }
      }
    }
    if (instances.length === 0) {
      return this.#place(datasource, data);
    }
    // The object that the page shows already goes to its new parents, and its other fields with it.
    this.#reparent(datasource, data, instances[0]);
    return datasource;
  }

  mapDelete(datasource, data) {
    assertObject(data, "data");
    for (const map of this.#mapsOf(data)) {
      for (const parent of objectsOf(datasource, map.parent_type)) {
        detach(parent, map, data);
      }
    }
    if (Array.isArray(datasource)) {
      remove(datasource, data);
      return datasource;
    }
    return isSame(datasource, data) ? null : datasource;
  }

  /** What belongs to no parent by its type belongs to the top. */
  #place(datasource, data) {
    if (this.#mapsOf(data).length > 0) {
      this.#reparent(datasource, data, data);
    } else if (Array.isArray(datasource)) {
      datasource.push(data);
    } else {
      return data;
    }
    return datasource;
  }

  #reparent(datasource, data, child) {
    for (const map of this.#mapsOf(data)) {
      if (!(map.via in data)) {
        // A message with nothing but what has changed leaves its object where it is.
        continue;
      }
      for (const parent of objectsOf(datasource, map.parent_type)) {
        if (isId(parent.id, data[map.via])) {
          attach(parent, map, child);
        } else {
          detach(parent, map, data);
        }
      }
    }
  }

  #mapsOf({ _type }) {
    return this.#maps.filter((map) => map.child_type === _type);
  }
}

export default DataMapper;

function assertObject(value, name) {
  if (value === null || typeof value !== "object") {
    throw new TypeError(`The ${name} must be an object.`);
  }
  return value;
}

/** Ids are numbers in one place and text in another; several belong to a child of many. */
function isId(id, other) {
  if (id == null || other == null) {
    return false;
  }
  return Array.isArray(other) ? other.some((one) => isId(id, one)) : String(id) === String(other);
}

/** Whether it is the object that a message is about, where the place says already what type it has. */
function isSame(entry, { id, _type }) {
  return isId(entry?.id, id) && (entry._type === undefined || _type === undefined || entry._type === _type);
}

function remove(list, data) {
  // From the end, since the places behind a removed one move up.
  for (let index = list.length - 1; index >= 0; index--) {
    if (isSame(list[index], data)) {
      list.splice(index, 1);
    }
  }
}

function attach(parent, { prop_name, is_collection }, child) {
  if (!is_collection) {
    // The page may hold on to the one that is there.
    if (!isSame(parent[prop_name], child)) {
      parent[prop_name] = child;
    }
    return;
  }
  parent[prop_name] ??= [];
  if (!parent[prop_name].some((known) => isSame(known, child))) {
    parent[prop_name].push(child);
  }
}

function detach(parent, { prop_name, is_collection }, data) {
  const children = parent[prop_name];
  if (is_collection) {
    if (Array.isArray(children)) {
      remove(children, data);
    }
  } else if (isSame(children, data)) {
    parent[prop_name] = null;
  }
}

/** All objects of a type, however deep they are. Found before anything is changed. */
function objectsOf(datasource, type) {
  const found = [];
  // A set, since objects may refer back to their parents. What is added to it meanwhile is visited, too.
  const values = new Set([datasource]);
  for (const value of values) {
    if (value !== null && typeof value === "object") {
      if (value._type === type && !Array.isArray(value)) {
        found.push(value);
      }
      Object.values(value).forEach((inner) => values.add(inner));
    }
  }
  return found;
}

/** Without a type, ids say little of objects further down, so they stand for those at the top only. */
function instancesOf(datasource, { _type, id }) {
  const candidates = _type === undefined ? [datasource].flat() : objectsOf(datasource, _type);
  return candidates.filter((entry) => isId(entry?.id, id));
}
