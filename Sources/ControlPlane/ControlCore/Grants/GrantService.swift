package import APIModel
internal import GatewayModel

/// Says who may enter which connection as which database role.
package struct GrantService: Sendable {
  let store: any GrantStore
  let bundles: BundleService
  let log: ControlLog
  let surroundings: Surroundings

  /// All grants, in the order they were made.
  package func list(by caller: Caller) async throws(ControlError) -> [GrantInfo] {
    try await store.grants().map(Self.info)
  }

  /// - Throws: `invalid` naming the field, `notFound` for the connection or its role, `conflict`.
  package func add(_ draft: GrantDraft, by caller: Caller) async throws(ControlError) -> GrantInfo {
    try Check.name(draft.connection, field: "connection")
    try Check.serverName(draft.role, field: "role")
    let grantee: Grant.Grantee
    let holder: String
    switch (draft.principal, draft.group) {
    case (let principal?, nil):
      try Check.label(principal, field: "principal")
      (grantee, holder) = (.principal(principal), principal)
    case (nil, let group?):
      try Check.label(group, field: "group")
      (grantee, holder) = (.group(group), group)
    default:
      throw ControlError(
        .invalid, "principal, group: a grant is for exactly one of them.",
        remedy: "Name either a principal or a group.")
    }
    let name = draft.name ?? Self.name(for: holder, draft)
    try Check.name(name, field: "name")
    let entry = log.act(.addGrant, on: name, by: caller) {
      [
        draft.principal == nil ? "group" : "principal": .text(holder),
        "connection": .text(draft.connection), "role": .text(draft.role),
      ]
    }
    let stored = try await store.recording(entry).add(
      Grant(name: name, to: grantee, connection: draft.connection, role: draft.role),
      at: surroundings.now())
    surroundings.log(
      "grant stored", by: caller,
      ["grant": name, "to": holder, "connection": draft.connection, "role": draft.role])
    await bundles.issueDue()
    return Self.info(stored)
  }

  /// - Throws: `notFound`.
  package func remove(_ name: String, by caller: Caller) async throws(ControlError) {
    let entry = log.act(.removeGrant, on: name, by: caller)
    guard try await store.recording(entry).removeGrant(named: name) else {
      throw ControlError(
        .notFound, "There is no grant named \"\(name.prefix(100))\".",
        remedy: "See `sallyport grants list` for those there are.")
    }
    surroundings.log("grant removed", by: caller, ["grant": name])
    await bundles.issueDue()
  }

  /// `<grantee>-<connection>-<role>` in the letters that names have, cut to their length.
  static func name(for holder: String, _ draft: GrantDraft) -> String {
    let text = "\(holder)-\(draft.connection)-\(draft.role)".lowercased()
    let kept = text.unicodeScalars.map { scalar -> Character in
      let isKept =
        ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar) || scalar == "."
        || scalar == "_" || scalar == "-"
      return isKept ? Character(scalar) : "-"
    }
    return String(kept.drop { !$0.isLetter && !$0.isNumber }.prefix(63))
  }

  private static func info(_ stored: StoredGrant) -> GrantInfo {
    var principal: String?
    var group: String?
    switch stored.grant.to {
    case .principal(let name): principal = name
    case .group(let name): group = name
    }
    return GrantInfo(
      name: stored.grant.name, principal: principal, group: group,
      connection: stored.grant.connection, role: stored.grant.role,
      createdAt: TimeText.text(stored.createdAt))
  }
}
