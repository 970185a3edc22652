import CLibPQ
internal import GatewayModel

/// Reads one row of a result, column by column in their order.
///
/// A column that is missing or has another type than asked for is a fault of this program or of
/// the schema, and throws ``PostgresError`` `unexpected`.
struct RowReader {
  private let result: OpaquePointer
  private let row: Int32
  private var column: Int32 = 0

  init(result: OpaquePointer, row: Int32) {
    self.result = result
    self.row = row
  }

  mutating func optionalBytes(_ types: [UInt32] = [TypeOID.bytea]) throws(PostgresError)
    -> [UInt8]?
  {
    guard column < PQnfields(result) else {
      throw unexpected(column, "there is no such column")
    }
    guard types.contains(PQftype(result, column)) else {
      throw unexpected(column, "its type is \(PQftype(result, column))")
    }
    return try optionalForm()
  }

  /// A column of any type in PostgreSQL's binary form.
  mutating func optionalForm() throws(PostgresError) -> [UInt8]? {
    let column = self.column
    self.column += 1
    guard column < PQnfields(result) else {
      throw unexpected(column, "there is no such column")
    }
    guard PQgetisnull(result, row, column) == 0, let value = PQgetvalue(result, row, column)
    else { return nil }
    let length = Int(PQgetlength(result, row, column))
    return Array(UnsafeRawBufferPointer(start: value, count: length))
  }

  mutating func optionalText() throws(PostgresError) -> String? {
    try optionalBytes([TypeOID.text, TypeOID.varchar, TypeOID.name]).map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  mutating func optionalInteger() throws(PostgresError) -> Int64? {
    guard let bytes = try optionalBytes([TypeOID.int8, TypeOID.int4, TypeOID.int2]) else {
      return nil
    }
    // Sign-extended from the first byte on.
    var value: Int64 = (bytes.first ?? 0) & 0x80 == 0 ? 0 : -1
    for byte in bytes { value = value << 8 | Int64(byte) }
    return value
  }

  mutating func optionalTime() throws(PostgresError) -> WallTime? {
    guard let bytes = try optionalBytes([TypeOID.timestamptz]) else { return nil }
    var value: UInt64 = 0
    for byte in bytes { value = value << 8 | UInt64(byte) }
    return PostgresTime.time(Int64(bitPattern: value))
  }

  mutating func optionalIdentifier() throws(PostgresError) -> Identifier128? {
    try optionalBytes([TypeOID.uuid]).flatMap { Identifier128(bytes: $0) }
  }

  /// The text of a jsonb column.
  mutating func optionalJSON() throws(PostgresError) -> [UInt8]? {
    try optionalBytes([TypeOID.jsonb]).map { Array($0.dropFirst()) }
  }

  mutating func optionalBool() throws(PostgresError) -> Bool? {
    try optionalBytes([TypeOID.bool]).map { $0 != [0] }
  }
  mutating func bool() throws(PostgresError) -> Bool { try present(try optionalBool()) }
  mutating func bytes() throws(PostgresError) -> [UInt8] { try present(try optionalBytes()) }
  mutating func text() throws(PostgresError) -> String { try present(try optionalText()) }
  mutating func integer() throws(PostgresError) -> Int64 { try present(try optionalInteger()) }
  mutating func time() throws(PostgresError) -> WallTime { try present(try optionalTime()) }
  mutating func identifier() throws(PostgresError) -> Identifier128 {
    try present(try optionalIdentifier())
  }
  mutating func json() throws(PostgresError) -> [UInt8] { try present(try optionalJSON()) }

  /// A column of numbers that are never below zero.
  mutating func unsigned() throws(PostgresError) -> UInt64 { UInt64(clamping: try integer()) }

  mutating func optionalUnsigned() throws(PostgresError) -> UInt64? {
    try optionalInteger().map { UInt64(clamping: $0) }
  }

  /// The elements of a `text[]`; none for NULL.
  mutating func texts() throws(PostgresError) -> [String] { try optionalTexts() ?? [] }

  /// The elements of a `text[]` but for those that are NULL.
  mutating func optionalTexts() throws(PostgresError) -> [String]? {
    let column = self.column
    guard let bytes = try optionalBytes([TypeOID.textArray]) else { return nil }
    var offset = 0
    func number() throws(PostgresError) -> Int {
      guard offset + 4 <= bytes.count else { throw unexpected(column, "the array is cut short") }
      var value: UInt32 = 0
      for byte in bytes[offset..<offset + 4] { value = value << 8 | UInt32(byte) }
      offset += 4
      return Int(Int32(bitPattern: value))
    }
    guard try number() == 1 else { return [] }
    _ = try number()
    _ = try number()
    let count = try number()
    _ = try number()
    var texts: [String] = []
    for _ in 0..<max(0, count) {
      let length = try number()
      guard length >= 0 else { continue }
      guard offset + length <= bytes.count else {
        throw unexpected(column, "the array is cut short")
      }
      texts.append(String(decoding: bytes[offset..<offset + length], as: UTF8.self))
      offset += length
    }
    return texts
  }

  private func present<Value>(_ value: Value?) throws(PostgresError) -> Value {
    guard let value else { throw unexpected(column - 1, "it is NULL") }
    return value
  }

  private func unexpected(_ column: Int32, _ what: String) -> PostgresError {
    let name = PQfname(result, column).map { String(cString: $0) } ?? "\(column)"
    return PostgresError(
      code: .unexpected, message: "column \"\(name)\" of an answer is not as expected: \(what)")
  }
}
