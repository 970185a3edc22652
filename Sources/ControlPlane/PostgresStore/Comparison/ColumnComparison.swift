internal import APIModel
import Foundation

/// A row in PostgreSQL's binary forms, so that nothing is lost in reading it.
struct StoredColumns: Sendable {
  let forms: [[UInt8]?]

  init(reading row: inout RowReader, count: Int) throws(PostgresError) {
    var forms: [[UInt8]?] = []
    forms.reserveCapacity(count)
    for _ in 0..<count { forms.append(try row.optionalForm()) }
    self.forms = forms
  }

  /// A column of whole numbers; `nil` for NULL and for what is none.
  func integer(_ column: Int) -> Int64? {
    guard forms.indices.contains(column), let bytes = forms[column], bytes.count <= 8 else {
      return nil
    }
    return bytes.reduce((bytes.first ?? 0) & 0x80 == 0 ? Int64(0) : -1) { $0 << 8 | Int64($1) }
  }

  /// The names of the columns that are not as expected.
  ///
  /// - Parameter names: Of all columns, in the order of the values and of the row.
  func differing(
    from expected: [SQLValue], _ names: [String], but ignored: Set<String> = []
  ) -> [String] {
    zip(names, zip(expected, forms)).compactMap { name, pair in
      ignored.contains(name) || Self.isEqual(pair.0, pair.1, name) ? nil : name
    }
  }

  private static func isEqual(_ value: SQLValue, _ form: [UInt8]?, _ name: String) -> Bool {
    guard let form else { return value.isNull }
    guard !value.isNull else { return false }
    if case .json(let text) = value {
      // jsonb has its own order and spaces; behind its version stands the text.
      return StoredJSON.isEqual(Array(text.utf8), Array(form.dropFirst()), name)
    }
    var bytes: [UInt8] = []
    value.append(to: &bytes)
    return bytes == form
  }
}

/// JSON values of columns, as those who answer questions read them.
private enum StoredJSON {
  static func isEqual(_ expected: [UInt8], _ actual: [UInt8], _ column: String) -> Bool {
    switch column {
    case "actors": isEqual([ActorInfo].self, expected, actual)
    case "observed": isEqual([ObservedInfo].self, expected, actual)
    default: isEqual([ParameterInfo].self, expected, actual)
    }
  }

  private static func isEqual<Value: Decodable & Equatable>(
    _ type: Value.Type, _ expected: [UInt8], _ actual: [UInt8]
  ) -> Bool {
    guard let first = try? JSONDecoder().decode(type, from: Data(expected)),
      let second = try? JSONDecoder().decode(type, from: Data(actual))
    else { return false }
    return first == second
  }
}
