internal import GatewayModel

/// A value on its way into the database, in PostgreSQL's binary form.
///
/// Texts lose nothing but zero characters, which PostgreSQL cannot hold: each becomes U+FFFD.
enum SQLValue: Sendable {
  case null
  case bool(Bool)
  case integer(Int64)
  /// A 32-bit column of a binary COPY, which does not convert.
  case integer32(Int32)
  case integer16(Int16)
  case text(String)
  case json(String)
  case bytes([UInt8])
  case identifier(Identifier128)
  /// Cut to microseconds.
  case time(WallTime)
  case texts([String])
  case byteStrings([[UInt8]])
  case identifiers([Identifier128])
  case integers([Int64])
  case times([WallTime])
  case optionalTexts([String?])

  static func optional(_ text: String?) -> SQLValue { text.map(SQLValue.text) ?? .null }
  static func optional(_ number: Int64?) -> SQLValue { number.map(SQLValue.integer) ?? .null }
  static func optional(_ number: UInt64?) -> SQLValue { number.map(SQLValue.number) ?? .null }
  static func optional(_ time: WallTime?) -> SQLValue { time.map(SQLValue.time) ?? .null }
  static func optional(_ bytes: [UInt8]?) -> SQLValue { bytes.map(SQLValue.bytes) ?? .null }
  static func optional(_ id: Identifier128?) -> SQLValue { id.map(SQLValue.identifier) ?? .null }
  /// A number that PostgreSQL has no type for is cut to the largest it has.
  static func number(_ value: UInt64) -> SQLValue { .integer(Int64(clamping: value)) }

  /// The type's oid (pg_type.dat); 0 lets the server infer it.
  var typeOID: UInt32 {
    switch self {
    case .null: 0
    case .bool: TypeOID.bool
    case .integer: TypeOID.int8
    case .integer32: TypeOID.int4
    case .integer16: TypeOID.int2
    case .text: TypeOID.text
    case .json: TypeOID.jsonb
    case .bytes: TypeOID.bytea
    case .identifier: TypeOID.uuid
    case .time: TypeOID.timestamptz
    case .texts: TypeOID.textArray
    case .byteStrings: TypeOID.byteaArray
    case .identifiers: TypeOID.uuidArray
    case .integers: TypeOID.int8Array
    case .times: TypeOID.timestamptzArray
    case .optionalTexts: TypeOID.textArray
    }
  }

  var isNull: Bool { if case .null = self { true } else { false } }

  /// Appends the value's bytes, without a length; nothing for NULL.
  func append(to buffer: inout [UInt8]) {
    switch self {
    case .null: break
    case .bool(let value): buffer.append(value ? 1 : 0)
    case .integer(let value): buffer.appendBigEndian(value)
    case .integer32(let value): buffer.appendBigEndian(value)
    case .integer16(let value): buffer.appendBigEndian(value)
    case .text(let value): Self.append(value, to: &buffer)
    case .json(let value):
      buffer.append(1)  // The version of jsonb's binary form.
      Self.append(value, to: &buffer)
    case .bytes(let value): buffer.append(contentsOf: value)
    case .identifier(let value):
      buffer.appendBigEndian(value.high)
      buffer.appendBigEndian(value.low)
    case .time(let value): buffer.appendBigEndian(PostgresTime.microseconds(value))
    case .texts(let values):
      Self.append(array: values.map(SQLValue.text), of: TypeOID.text, to: &buffer)
    case .byteStrings(let values):
      Self.append(array: values.map(SQLValue.bytes), of: TypeOID.bytea, to: &buffer)
    case .identifiers(let values):
      Self.append(array: values.map(SQLValue.identifier), of: TypeOID.uuid, to: &buffer)
    case .integers(let values):
      Self.append(array: values.map(SQLValue.integer), of: TypeOID.int8, to: &buffer)
    case .times(let values):
      Self.append(array: values.map(SQLValue.time), of: TypeOID.timestamptz, to: &buffer)
    case .optionalTexts(let values):
      Self.append(array: values.map(SQLValue.optional), of: TypeOID.text, to: &buffer)
    }
  }

  /// Appends the value as a field of a binary COPY: length in 32 bits (-1 for NULL), bytes.
  func appendField(to buffer: inout [UInt8]) {
    guard !isNull else {
      buffer.appendBigEndian(Int32(-1))
      return
    }
    let start = buffer.count
    buffer.appendBigEndian(Int32(0))
    append(to: &buffer)
    let length = UInt32(clamping: buffer.count - start - 4)
    for index in 0..<4 {
      buffer[start + index] = UInt8(truncatingIfNeeded: length >> UInt32(24 - 8 * index))
    }
  }

  private static func append(_ text: String, to buffer: inout [UInt8]) {
    var text = text
    text.withUTF8 { utf8 in
      guard utf8.contains(0) else {
        buffer.append(contentsOf: utf8)
        return
      }
      for byte in utf8 {
        if byte == 0 {
          buffer.append(contentsOf: [0xEF, 0xBF, 0xBD])
        } else {
          buffer.append(byte)
        }
      }
    }
  }

  /// Byte layout (array_send): dimensions, whether it has NULLs, the elements' oid, then for the
  /// one dimension its length and its lower bound, then each element with its length.
  private static func append(array: [SQLValue], of element: UInt32, to buffer: inout [UInt8]) {
    buffer.appendBigEndian(Int32(array.isEmpty ? 0 : 1))
    buffer.appendBigEndian(Int32(array.contains(where: \.isNull) ? 1 : 0))
    buffer.appendBigEndian(element)
    guard !array.isEmpty else { return }
    buffer.appendBigEndian(Int32(clamping: array.count))
    buffer.appendBigEndian(Int32(1))
    for value in array { value.appendField(to: &buffer) }
  }
}

/// The oids of the built-in types that are used here (pg_type.dat).
enum TypeOID {
  static let bool: UInt32 = 16
  static let bytea: UInt32 = 17
  static let name: UInt32 = 19
  static let int8: UInt32 = 20
  static let int2: UInt32 = 21
  static let int4: UInt32 = 23
  static let text: UInt32 = 25
  static let varchar: UInt32 = 1043
  static let timestamptz: UInt32 = 1184
  static let timestamptzArray: UInt32 = 1185
  static let uuid: UInt32 = 2950
  static let jsonb: UInt32 = 3802
  static let byteaArray: UInt32 = 1001
  static let textArray: UInt32 = 1009
  static let int8Array: UInt32 = 1016
  static let uuidArray: UInt32 = 2951
}

/// PostgreSQL's binary timestamps: microseconds since 2000-01-01 00:00:00 UTC.
enum PostgresTime {
  private static let epochMicroseconds: Int64 = 946_684_800 * 1_000_000

  static func microseconds(_ time: WallTime) -> Int64 {
    // Rounded down also before 1970, so that order is kept. No overflow: the quotient is small.
    let (quotient, remainder) = time.unixNanoseconds.quotientAndRemainder(dividingBy: 1000)
    return (remainder < 0 ? quotient - 1 : quotient) - epochMicroseconds
  }

  /// Saturates for times that ``WallTime`` cannot hold.
  static func time(_ microseconds: Int64) -> WallTime {
    let (unix, first) = microseconds.addingReportingOverflow(epochMicroseconds)
    let (nanoseconds, second) = unix.multipliedReportingOverflow(by: 1000)
    guard !first, !second else {
      return WallTime(unixNanoseconds: microseconds < 0 ? .min : .max)
    }
    return WallTime(unixNanoseconds: nanoseconds)
  }
}

extension [UInt8] {
  mutating func appendBigEndian(_ value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
  }
}
