internal import PolicyEngine

/// Numbers filed under names, so that of many patterns only those are compared that can cover another.
///
/// A pattern without a wildcard covers no name but its own.
struct NameIndex {
  /// A name, and of what sort of thing.
  struct Key: Hashable {
    var sort: Int
    var name: String
  }

  private var named: [Key: [Int]] = [:]
  /// Those that have no names, or one with a wildcard.
  private var others: [Int] = []

  /// Files a number; those that were filed before are smaller.
  ///
  /// - Parameter names: `nil` for one with a wildcard.
  mutating func file(_ number: Int, sort: Int = 0, under names: [String?]) {
    guard !names.isEmpty, !names.contains(nil) else {
      others.append(number)
      return
    }
    for name in Set(names.compactMap(\.self)) {
      named[Key(sort: sort, name: name), default: []].append(number)
    }
  }

  /// The smallest number that meets a condition, among those that can cover something with some names.
  func first(_ keys: [Key], where condition: (Int) -> Bool) -> Int? {
    var found = Int.max
    for list in [others] + keys.compactMap({ named[$0] }) {
      if let number = list.first(where: { $0 >= found || condition($0) }), number < found {
        found = number
      }
    }
    return found < .max ? found : nil
  }
}

extension StatementMatch {
  /// The names of its lists, in an order that is the same for all; a list without one is left out.
  private var lists: [[String?]] {
    [
      tables.map(\.exactName), reads.map(\.exactName), writes.map(\.exactName),
      columns.map(\.exactName), functions.map(\.exactName),
      commands.map { $0.pattern.isExact ? $0.pattern.text : nil },
      settings.map { $0.pattern.isExact ? $0.pattern.text : nil },
    ]
  }

  /// Files it as one that can cover others: under the first list whose names are all told, since all of
  /// its lists have to cover, and so has whom it is for.
  func file(_ number: Int, for selector: PrincipalSelector?, in index: inout NameIndex) {
    let lists = lists + [selector?.exactNames ?? []]
    let sort = lists.firstIndex { !$0.isEmpty && !$0.contains(nil) }
    index.file(number, sort: sort ?? 0, under: sort.map { lists[$0] } ?? [])
  }

  /// Where those are filed that can cover it: one name of a list stands for all of it.
  func keys(for selector: PrincipalSelector?) -> [NameIndex.Key] {
    var lists = lists + [selector?.exactNames ?? []]
    // Those about any use of tables cover those about reads and writes.
    if lists[0].isEmpty { lists[0] = lists[1] + lists[2] }
    return lists.enumerated().compactMap { sort, names in
      names.first.flatMap(\.self).map { NameIndex.Key(sort: sort, name: $0) }
    }
  }
}

extension PrincipalSelector {
  fileprivate var exactNames: [String?] {
    (users + services + agents + subjects + groups).map { $0.isExact ? $0.text : nil }
  }

  func file(_ number: Int, in index: inout NameIndex) { index.file(number, under: exactNames) }

  var keys: [NameIndex.Key] {
    exactNames.first.flatMap(\.self).map { [NameIndex.Key(sort: 0, name: $0)] } ?? []
  }
}
