import NIOCore

extension BackendMessage {
  /// The columns of the rows that follow.
  ///
  /// Layout: `Int16` count; per column zero-terminated name, `Int32` table, `Int16` column of the
  /// table, `Int32` type, `Int16` size, `Int32` modifier, `Int16` format.
  package struct RowDescription: Hashable, Sendable {
    package struct Column: Hashable, Sendable {
      package let name: String
      /// 0 where the column is not one of a table.
      package let tableOID: UInt32
      package let tableColumn: Int16
      package let typeOID: UInt32
      package let typeSize: Int16
      package let typeModifier: Int32
      package let format: FormatCode

      package init(
        name: String, tableOID: UInt32 = 0, tableColumn: Int16 = 0, typeOID: UInt32,
        typeSize: Int16 = -1, typeModifier: Int32 = -1, format: FormatCode = .text
      ) {
        self.name = name
        self.tableOID = tableOID
        self.tableColumn = tableColumn
        self.typeOID = typeOID
        self.typeSize = typeSize
        self.typeModifier = typeModifier
        self.format = format
      }

      fileprivate init(reading reader: inout BodyReader) throws(WireError) {
        self.init(
          name: try reader.lossyString(), tableOID: try reader.integer(),
          tableColumn: try reader.integer(), typeOID: try reader.integer(),
          typeSize: try reader.integer(), typeModifier: try reader.integer(),
          format: FormatCode(rawValue: try reader.integer()))
      }
    }

    package let columns: [Column]

    package init(columns: [Column]) { self.columns = columns }

    package init(decoding body: ByteBuffer) throws(WireError) {
      var reader = BodyReader(body, "RowDescription")
      let count = try reader.count()
      let leastBytesOfAColumn = 19
      guard reader.remaining >= count * leastBytesOfAColumn else { throw reader.truncated() }
      var columns: [Column] = []
      columns.reserveCapacity(count)
      for _ in 0..<count { columns.append(try Column(reading: &reader)) }
      try reader.end()
      self.init(columns: columns)
    }

    package func encode(into buffer: inout ByteBuffer) {
      buffer.writeMessage(BackendMessageType.rowDescription) { buffer in
        buffer.writeCount(columns.count)
        for column in columns.prefix(Int(UInt16.max)) {
          buffer.writeZeroTerminated(column.name)
          buffer.writeInteger(column.tableOID)
          buffer.writeInteger(column.tableColumn)
          buffer.writeInteger(column.typeOID)
          buffer.writeInteger(column.typeSize)
          buffer.writeInteger(column.typeModifier)
          buffer.writeInteger(column.format.rawValue)
        }
      }
    }
  }

  /// The types of a prepared statement's parameters.
  ///
  /// Layout: `Int16` count, that many `Int32` type numbers.
  package struct ParameterDescription: Hashable, Sendable {
    package let parameterOIDs: [UInt32]

    package init(parameterOIDs: [UInt32]) { self.parameterOIDs = parameterOIDs }

    package init(decoding body: ByteBuffer) throws(WireError) {
      var reader = BodyReader(body, "ParameterDescription")
      parameterOIDs = try reader.array(of: UInt32.self)
      try reader.end()
    }

    package func encode(into buffer: inout ByteBuffer) {
      buffer.writeMessage(BackendMessageType.parameterDescription) { buffer in
        buffer.writeCount(parameterOIDs.count)
        for oid in parameterOIDs.prefix(Int(UInt16.max)) { buffer.writeInteger(oid) }
      }
    }
  }

  /// One row.
  ///
  /// Layout: `Int16` count, values as in Bind.
  package struct DataRow: Hashable, Sendable {
    /// `nil` for null; others are slices of the message.
    package let values: [ByteBuffer?]

    package init(values: [ByteBuffer?]) { self.values = values }

    package init(decoding body: ByteBuffer) throws(WireError) {
      var reader = BodyReader(body, "DataRow")
      values = try reader.values()
      try reader.end()
    }

    package func encode(into buffer: inout ByteBuffer) {
      buffer.writeMessage(BackendMessageType.dataRow) { buffer in
        buffer.writeCount(values.count)
        for value in values.prefix(Int(UInt16.max)) { buffer.writeValue(value) }
      }
    }
  }
}
