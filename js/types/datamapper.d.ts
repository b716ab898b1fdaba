/** Says which objects are children of which, by the `_type` that SwampDragon's serializers give them. */
export interface ChannelMap {
  /** The `_type` of the parents. */
  parent_type: string;
  /** The `_type` of the children. */
  child_type: string;
  /** The parents' field that holds the children. */
  prop_name: string;
  /** Whether that field is an array of children. Default: false, one child or `null`. */
  is_collection?: boolean;
  /** The children's field with their parent's id, or an array of ids. */
  via: string;
}

/** An object as a channel publishes it. */
export interface MappedObject {
  id?: string | number | null;
  _type?: string;
  [field: string]: unknown;
}

/** What a channel publishes. Other actions than these change nothing. */
export interface MappedMessage {
  action?: "created" | "updated" | "deleted" | (string & {});
  data: unknown;
}

/**
 * Keeps a page's data in step with what a channel publishes: adds, changes, moves and removes objects in place, however
 * deep they are.
 *
 * Each method returns the data source. That is the one it was given, except when a single object, not an array, is
 * created or deleted: then it is the new object, or `null`. A message that is no object throws a `TypeError`.
 */
export class DataMapper {
  /** @throws TypeError when a map lacks a field. */
  constructor(channelMaps?: readonly ChannelMap[] | null);

  /** Does what the message's action says. */
  mapData<Item>(datasource: Item[], message: MappedMessage): Item[];
  mapData<Source>(datasource: Source, message: MappedMessage): Source | null;

  /** Adds an object to its parents, or to the data source when its type has none. One that is there stays. */
  mapCreated<Source>(datasource: Source, data: MappedObject): Source;

  /**
   * Changes an object's fields wherever it is, and moves it to other parents when its field `via` says so. One that is
   * not there yet is added.
   */
  mapUpdated<Source>(datasource: Source, data: MappedObject): Source;

  /** Removes an object from its parents and from the data source. */
  mapDelete<Item>(datasource: Item[], data: MappedObject): Item[];
  mapDelete<Source>(datasource: Source, data: MappedObject): Source | null;
}

export default DataMapper;
