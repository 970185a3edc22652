import APIModel

extension APIClient {
  /// The most pages that are followed for a listing, so that a server that never ends cannot
  /// keep a command for ever.
  static var maximumPages: Int { 1000 }

  /// All items of a listing, through all its pages.
  func all<Item: Codable & Sendable>(
    _ base: String, _ parts: [String] = [], of type: Item.Type = Item.self
  ) async throws(CLIFailure) -> [Item] {
    var items: [Item] = []
    var cursor: String?
    for _ in 0..<Self.maximumPages {
      let query = cursor.map { [("cursor", $0)] } ?? []
      let page: Page<Item> = try await get(base, parts, query: query)
      items += page.items
      guard let next = page.nextCursor, next != cursor else { return items }
      cursor = next
    }
    return items
  }
}
