/// A key as it stands in a document, known or not.
struct AnyKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }
  init?(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}

extension Decoder {
  /// A container of which every key is known and has a value.
  ///
  /// Documents travel in signed bundles to agents that can be older than who wrote them. A key that is
  /// passed over could be the very condition that narrows a grant, so that a document with one that is
  /// not known makes its whole bundle unusable, and the agent keeps the last good one. Encoders leave
  /// out what stands at its default: a document that uses nothing new stays readable for old agents.
  /// For the same reason a new version gives new meanings new keys and never changes those of old.
  func strictContainer<Key: CodingKey & CaseIterable>(
    keyedBy keys: Key.Type
  ) throws -> KeyedDecodingContainer<Key> {
    let known = Set(keys.allCases.map(\.stringValue))
    let all = try container(keyedBy: AnyKey.self)
    for key in all.allKeys {
      guard known.contains(key.stringValue) else {
        throw DecodingError.dataCorruptedError(
          forKey: key, in: all,
          debugDescription: """
            the key "\(key.stringValue)" of a policy is not known to this version: update it, or \
            leave the key out of the policy
            """)
      }
      guard try !all.decodeNil(forKey: key) else {
        throw DecodingError.dataCorruptedError(
          forKey: key, in: all,
          debugDescription: "the key \"\(key.stringValue)\" of a policy has no value: leave it out")
      }
    }
    return try container(keyedBy: keys)
  }
}

extension KeyedDecodingContainer {
  /// The values of a list; none where the key is absent. An empty list is refused: it could be meant
  /// as anybody or as nobody.
  func list<Value: Decodable>(_ key: Key) throws -> [Value] {
    guard let values = try decodeIfPresent([Value].self, forKey: key) else { return [] }
    guard !values.isEmpty else {
      throw DecodingError.dataCorruptedError(
        forKey: key, in: self,
        debugDescription: "the list \"\(key.stringValue)\" of a policy is empty: leave it out")
    }
    return values
  }

  /// A whole number from 1 on, or 0 where `zero` says so.
  func count(_ key: Key, orZero: Bool = false) throws -> Int? {
    guard let count = try decodeIfPresent(Int.self, forKey: key) else { return nil }
    guard count >= (orZero ? 0 : 1) else {
      throw DecodingError.dataCorruptedError(
        forKey: key, in: self,
        debugDescription: "\"\(key.stringValue)\" of a policy is \(count): it has to be positive")
    }
    return count
  }
}

extension KeyedEncodingContainer {
  mutating func encode(list: [some Encodable], _ key: Key) throws {
    if !list.isEmpty { try encode(list, forKey: key) }
  }
}
