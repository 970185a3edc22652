/// How the binary form of a built-in type is laid out.
enum BuiltInType: Hashable {
  case bool, int2, int4, int8, float4, float8, numeric, money
  /// Unsigned numbers that name something: objects, transactions.
  case unsigned32, unsigned64
  case text, singleCharacter, bytea, uuid
  /// A version byte in front of text.
  case versionedText
  case date, time, timeWithZone, timestamp, timestampWithZone, interval
  case inet, cidr, macAddress, macAddress8
  case bits
  case point, lineSegment, path, box, polygon, line, circle
  case tuple, logPosition
  case array(of: UInt32)
  /// An array that prints as numbers with spaces between.
  case vector(of: UInt32)
  case range(of: UInt32)
  case multirange(of: UInt32)

  /// The type with this number in `pg_type`; `nil` for others (extensions' and users' types have
  /// no fixed number).
  init?(oid: UInt32) {
    if let scalar = Self.scalar(oid) ?? Self.container(oid) {
      self = scalar
    } else {
      return nil
    }
  }

  private static func scalar(_ oid: UInt32) -> BuiltInType? {
    switch oid {
    case 16: .bool
    case 17: .bytea
    case 18: .singleCharacter
    // name, text, json, xml, unknown, bpchar, varchar, refcursor, cstring
    case 19, 25, 114, 142, 705, 1042, 1043, 1790, 2275: .text
    case 20: .int8
    case 21: .int2
    case 23: .int4
    // regproc, oid, xid, cid and the other reg… types
    case 24, 26, 28, 29, 2202...2206, 3734, 3769, 4089, 4096, 4191: .unsigned32
    case 5069: .unsigned64
    case 27: .tuple
    case 600: .point
    case 601: .lineSegment
    case 602: .path
    case 603: .box
    case 604: .polygon
    case 628: .line
    case 718: .circle
    case 650: .cidr
    case 869: .inet
    case 829: .macAddress
    case 774: .macAddress8
    case 700: .float4
    case 701: .float8
    case 790: .money
    case 1700: .numeric
    case 1082: .date
    case 1083: .time
    case 1114: .timestamp
    case 1184: .timestampWithZone
    case 1186: .interval
    case 1266: .timeWithZone
    case 1560, 1562: .bits
    case 2950: .uuid
    case 3220: .logPosition
    case 3802, 4072: .versionedText
    default: nil
    }
  }

  private static func container(_ oid: UInt32) -> BuiltInType? {
    switch oid {
    case 22: .vector(of: 21)
    case 30: .vector(of: 26)
    case 3904: .range(of: 23)
    case 3906: .range(of: 1700)
    case 3908: .range(of: 1114)
    case 3910: .range(of: 1184)
    case 3912: .range(of: 1082)
    case 3926: .range(of: 20)
    case 4451: .multirange(of: 3904)
    case 4532: .multirange(of: 3906)
    case 4533: .multirange(of: 3908)
    case 4534: .multirange(of: 3910)
    case 4535: .multirange(of: 3912)
    case 4536: .multirange(of: 3926)
    default: elementOfArray[oid].map { .array(of: $0) }
    }
  }

  /// Array type to element type.
  private static let elementOfArray: [UInt32: UInt32] = [
    143: 142, 199: 114, 271: 5069, 629: 628, 651: 650, 719: 718, 775: 774, 791: 790, 1000: 16,
    1001: 17, 1002: 18, 1003: 19, 1005: 21, 1006: 22, 1007: 23, 1008: 24, 1009: 25, 1010: 27,
    1011: 28, 1012: 29, 1013: 30, 1014: 1042, 1015: 1043, 1016: 20, 1017: 600, 1018: 601,
    1019: 602, 1020: 603, 1021: 700, 1022: 701, 1027: 604, 1028: 26, 1040: 829, 1041: 869,
    1115: 1114, 1182: 1082, 1183: 1083, 1185: 1184, 1187: 1186, 1231: 1700, 1263: 2275,
    1270: 1266, 1561: 1560, 1563: 1562, 2201: 1790, 2207: 2202, 2208: 2203, 2209: 2204,
    2210: 2205, 2211: 2206, 2951: 2950, 3221: 3220, 3735: 3734, 3770: 3769, 3807: 3802,
    3905: 3904, 3907: 3906, 3909: 3908, 3911: 3910, 3913: 3912, 3927: 3926, 4073: 4072,
    4090: 4089, 4097: 4096, 4192: 4191, 6150: 4451, 6151: 4532, 6152: 4533, 6153: 4534,
    6155: 4535, 6157: 4536,
  ]
}
