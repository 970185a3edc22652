import java.math.BigDecimal;
import java.sql.*;
import java.time.*;
import java.util.*;
import org.postgresql.PGConnection;
import org.postgresql.PGStatement;
import org.postgresql.util.PGInterval;
import org.postgresql.util.PGobject;

/** Statements, their parameters and results, in each of the driver's modes. */
public class Statements extends Run {
  static final String[] MODES = {"extended", "extendedForPrepared", "extendedCacheEverything", "simple"};

  static void queryModes() throws Exception {
    for (String mode : MODES) {
      say("mode", mode);
      try (Connection connection = connect("preferQueryMode", mode)) {
        for (String sql : new String[] {
            "select 1 as a, 'é'::text as b, null as c", "select 1; select 2; select 3", "", ";", "select",
            "create table t (i int)", "insert into t values (1), (2)", "update t set i = 3 where i = 1; select * from t",
            "select * from t where false", "delete from t", "drop table t", "select 1; select 1/0; select 3",
            "selec", "select nothing", "select fail('x')", "select talk(2)", "call twice(4)", "show timezone",
            "do $$ begin raise notice 'é'; end $$", "select '?', 'it''s', E'\\'', $$?$$, \"a?\" from (select 1 as \"a?\") s",
            "select /* ? */ 1 -- ?", "explain (costs off) select * from items", "vacuum items",
            "insert into items (name) values ('item 1')", "insert into parts values (999, 'x')",
            "select repeat('x', 1000000)", "select * from generate_series(1, 30000)",
            "set timezone = 'Asia/Tokyo'", "select '2024-02-29 00:00+00'::timestamptz::text", "reset timezone"}) {
          attempt(sql, () -> query(connection, sql));
        }
      }
    }
  }

  static void preparedAndItsThreshold() throws Exception {
    for (String threshold : new String[] {"0", "1", "3", "5", "-1"}) {
      for (String binary : new String[] {"true", "false"}) {
        say("threshold", threshold, binary);
        try (Connection connection = connect("prepareThreshold", threshold, "binaryTransfer", binary)) {
          PreparedStatement statement = connection.prepareStatement(
              "select id, name, price, made, tags, feeling, blob, data from items where id = ? or name = ?");
          for (int n = 0; n < 8; n++) {
            statement.setInt(1, n);
            statement.setString(2, "item " + (n + 1));
            say(rows(statement.executeQuery()), ((PGStatement) statement).isUseServerPrepare());
          }
          statement.setObject(1, null);
          statement.setString(2, "é");
          say(rows(statement.executeQuery()));
          // Another type for the same statement: it is parsed again.
          attempt("other type", () -> {
            statement.setLong(1, 1L << 40);
            statement.setNull(2, Types.VARCHAR);
            return rows(statement.executeQuery());
          });
          say(query(connection, "select statement, parameter_types::text from pg_prepared_statements order by prepare_time"));
          say(statement.getParameterMetaData().getParameterTypeName(1), statement.getMetaData().getColumnCount());
          statement.close();
        }
      }
    }
  }

  static void preparedWhenTheTableChanges() throws Exception {
    for (String autosave : new String[] {"never", "always", "conservative"}) {
      for (boolean autocommit : new boolean[] {true, false}) {
        say(autosave, autocommit);
        try (Connection connection = connect("prepareThreshold", "1", "autosave", autosave)) {
          query(connection, "drop table if exists t; create table t (i int); insert into t values (1)");
          connection.setAutoCommit(autocommit);
          PreparedStatement read = connection.prepareStatement("select * from t");
          for (int n = 0; n < 3; n++) {
            say(rows(read.executeQuery()));
          }
          query(connection, "alter table t add s text");
          for (int n = 0; n < 3; n++) {
            attempt("after", () -> rows(read.executeQuery()));
          }
          if (!autocommit) {
            connection.rollback();
          }
          attempt("deallocate", () -> query(connection, "deallocate all"));
          attempt("after", () -> rows(read.executeQuery()));
          attempt("discard", () -> query(connection, "discard all"));
          attempt("after", () -> rows(read.executeQuery()));
        }
      }
    }
  }

  static void everyTypeRead() throws Exception {
    for (String[] more : new String[][] {
        {}, {"binaryTransfer", "false"}, {"preferQueryMode", "simple"}, {"prepareThreshold", "-1"}, {"prepareThreshold", "1"}}) {
      try (Connection connection = connect(more)) {
        PreparedStatement statement = connection.prepareStatement("select * from everything");
        for (int n = 0; n < 2; n++) {
          ResultSet result = statement.executeQuery();
          ResultSetMetaData about = result.getMetaData();
          while (result.next()) {
            for (int i = 1; i <= about.getColumnCount(); i++) {
              Object value = result.getObject(i);
              say(about.getColumnName(i), about.getColumnTypeName(i), about.getColumnType(i), about.getPrecision(i),
                  about.getScale(i), about.getColumnDisplaySize(i), about.isNullable(i), about.getColumnClassName(i),
                  value == null ? null : value.getClass().getName(), value, value instanceof byte[] ? null : result.getString(i));
            }
          }
        }
      }
    }
  }

  static void everyTypeWritten() throws Exception {
    Object[][] values = {
        {"bool", true}, {"int2", (short) 3}, {"int4", 5}, {"int8", 1L << 40}, {"float4", 1.5f}, {"float8", Double.NaN},
        {"numeric", new BigDecimal("12345678901234567890.0123")}, {"text", "é日本😀\\'"}, {"text", ""}, {"varchar", "x".repeat(100000)},
        {"bytea", new byte[] {0, 1, -1}}, {"bytea", new byte[300000]}, {"date", LocalDate.of(2024, 2, 29)},
        {"date", java.sql.Date.valueOf("2024-02-29")}, {"time", LocalTime.of(1, 2, 3)},
        {"timestamp", LocalDateTime.of(2024, 2, 29, 1, 2)}, {"timestamp", Timestamp.valueOf("2024-02-29 01:02:03.4")},
        {"timestamptz", OffsetDateTime.of(2024, 2, 29, 1, 2, 3, 0, ZoneOffset.ofHours(2))},
        {"uuid", UUID.fromString("12345678-1234-5678-1234-567812345678")}, {"interval", new PGInterval(1, 2, 3, 4, 5, 6.5)},
        {"text", 'c'}, {"hstore", Map.of("a", "1")}, {"int4", "7"}, {"mood", "ok"}, {"int4", null}};
    for (String[] more : new String[][] {{}, {"preferQueryMode", "simple"}, {"stringtype", "unspecified"}, {"prepareThreshold", "-1"}}) {
      say((Object[]) more);
      try (Connection connection = connect(more)) {
        for (Object[] pair : values) {
          attempt(pair[0], () -> {
            PreparedStatement statement = connection.prepareStatement("select ?::" + pair[0]);
            statement.setObject(1, pair[1]);
            return rows(statement.executeQuery());
          });
        }
        PGobject json = new PGobject();
        json.setType("jsonb");
        json.setValue("{\"a\": 1}");
        attempt("PGobject", () -> {
          PreparedStatement statement = connection.prepareStatement("select ?, ?, ?");
          statement.setObject(1, json);
          statement.setArray(2, connection.createArrayOf("int4", new Object[] {1, null, 3}));
          statement.setArray(3, connection.createArrayOf("text", new Object[] {"a b", "c\"", null}));
          return rows(statement.executeQuery());
        });
        attempt("streams", () -> {
          PreparedStatement statement = connection.prepareStatement("select ?::bytea, ?::text, ?::xml");
          statement.setBinaryStream(1, new java.io.ByteArrayInputStream(new byte[200000]), 200000);
          statement.setCharacterStream(2, new java.io.StringReader("é".repeat(100000)));
          SQLXML xml = connection.createSQLXML();
          xml.setString("<a/>");
          statement.setSQLXML(3, xml);
          return rows(statement.executeQuery());
        });
      }
    }
  }

  static void cursorsByFetchSize() throws Exception {
    for (String[] more : new String[][] {{}, {"adaptiveFetch", "true", "maxResultBuffer", "1M"}, {"prepareThreshold", "1"}, {"preferQueryMode", "simple"}}) {
      try (Connection connection = connect(more)) {
        connection.setAutoCommit(false);
        for (int size : new int[] {0, 1, 7, 100}) {
          Statement statement = connection.createStatement();
          statement.setFetchSize(size);
          ResultSet result = statement.executeQuery("select n, repeat('x', n % 50) from generate_series(1, 500) n");
          long sum = 0;
          while (result.next()) {
            sum += result.getInt(1) + result.getString(2).length();
            if (result.getRow() == 250) {
              // Another statement while the portal is open, and another size.
              query(connection, "select 1");
              result.setFetchSize(33);
            }
          }
          say(size, sum, result.isAfterLast());
        }
        PreparedStatement prepared = connection.prepareStatement("select id from items where id > ? order by id");
        prepared.setFetchSize(10);
        prepared.setMaxRows(35);
        prepared.setInt(1, 5);
        ResultSet one = prepared.executeQuery();
        one.next();
        prepared.setInt(1, 50);
        say(rows(prepared.executeQuery()));
        attempt("closed", () -> one.next());
        Statement broken = connection.createStatement();
        broken.setFetchSize(10);
        attempt("in the middle", () -> {
          ResultSet result = broken.executeQuery("select 10 / (30 - n) from generate_series(1, 90) n");
          int count = 0;
          while (result.next()) {
            count++;
          }
          return count;
        });
        connection.rollback();
        Statement abandoned = connection.createStatement();
        abandoned.setFetchSize(5);
        abandoned.executeQuery("select generate_series(1, 100000)").next();
        abandoned.close();
        connection.commit();
        CallableStatement call = connection.prepareCall("{ ? = call refs() }");
        ResultSet names = connection.createStatement().executeQuery("select refs()");
        while (names.next()) {
          say(rows((ResultSet) names.getObject(1)));
        }
        call.close();
        connection.rollback();
      }
    }
  }

  static void scrollingAndUpdating() throws Exception {
    try (Connection connection = connect()) {
      connection.setAutoCommit(false);
      Statement statement = connection.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE);
      ResultSet result = statement.executeQuery("select id, name, price from items where id < 20 order by id");
      say(result.absolute(5), result.getInt(1), result.relative(-2), result.getInt(1), result.last(), result.getRow());
      result.first();
      result.updateString("name", "updated é");
      result.updateRow();
      result.moveToInsertRow();
      result.updateInt("id", 1000);
      result.updateString("name", "inserted");
      result.insertRow();
      result.absolute(2);
      attempt("delete", () -> {
        result.deleteRow();
        return "deleted";
      });
      result.absolute(1);
      result.refreshRow();
      say(result.getString(2), result.getConcurrency());
      say(query(connection, "select id, name from items where id < 4 or id > 999 order by 1"));
      connection.rollback();
      Statement keys = connection.createStatement();
      keys.executeUpdate("insert into items (name) values ('a'), ('b')", Statement.RETURN_GENERATED_KEYS);
      say(rows(keys.getGeneratedKeys()));
      keys.executeUpdate("insert into items (name) values ('c')", new String[] {"id", "name"});
      say(rows(keys.getGeneratedKeys()));
      connection.rollback();
    }
  }

  static void calls() throws Exception {
    for (String mode : new String[] {"select", "call", "callIfNoReturn"}) {
      try (Connection connection = connect("escapeSyntaxCallMode", mode)) {
        attempt(mode + " function", () -> {
          CallableStatement call = connection.prepareCall("{ call swap(?, ?, ?) }");
          call.setInt(1, 4);
          call.setString(2, "x");
          call.registerOutParameter(1, Types.INTEGER);
          call.registerOutParameter(2, Types.VARCHAR);
          call.registerOutParameter(3, Types.DATE);
          call.execute();
          return List.of(call.getInt(1), call.getString(2), call.getDate(3));
        });
        attempt(mode + " procedure", () -> {
          CallableStatement call = connection.prepareCall("{ call twice(?) }");
          call.setInt(1, 21);
          call.registerOutParameter(1, Types.INTEGER);
          call.execute();
          return call.getInt(1);
        });
        attempt(mode + " value", () -> {
          CallableStatement call = connection.prepareCall("{ ? = call talk(?) }");
          call.registerOutParameter(1, Types.INTEGER);
          call.setInt(2, 3);
          call.execute();
          return call.getInt(1);
        });
        attempt("escapes", () -> query(connection, "select {fn length('abc')}, {d '2024-02-29'}, {ts '2024-02-29 01:02:03'}"));
      }
    }
  }

  static void batches() throws Exception {
    for (String rewrite : new String[] {"true", "false"}) {
      for (String mode : MODES) {
        for (boolean autocommit : new boolean[] {true, false}) {
          say(rewrite, mode, autocommit);
          try (Connection connection = connect("reWriteBatchedInserts", rewrite, "preferQueryMode", mode)) {
            query(connection, "drop table if exists t; create table t (id serial primary key, n int unique, s text)");
            connection.setAutoCommit(autocommit);
            PreparedStatement insert = connection.prepareStatement(
                "insert into t (n, s) values (?, ?)", Statement.RETURN_GENERATED_KEYS);
            for (int n = 0; n < 700; n++) {
              insert.setInt(1, n);
              insert.setString(2, n % 7 == 0 ? null : "row " + n);
              insert.addBatch();
            }
            int[] counts = insert.executeBatch();
            say(counts.length, counts[0], counts[699], rows(insert.getGeneratedKeys()).length());
            PreparedStatement plain = connection.prepareStatement("insert into t (n, s) values (?, ?)");
            for (int n = 1000; n < 1400; n++) {
              plain.setInt(1, n);
              plain.setString(2, "x".repeat(200));
              plain.addBatch();
            }
            say(plain.executeBatch());
            if (!autocommit) {
              connection.commit();
            }
            for (int n = 1399; n < 1410; n++) {
              plain.setInt(1, n == 1399 ? 2000 : n - 5);
              plain.setString(2, "again");
              plain.addBatch();
            }
            attempt("twice", () -> plain.executeBatch());
            if (!autocommit) {
              connection.rollback();
            }
            Statement several = connection.createStatement();
            several.addBatch("update t set s = 'u' where n < 10");
            several.addBatch("delete from t where n = 11; delete from t where n = 12");
            several.addBatch("insert into t (n) values (5000)");
            attempt("several", () -> several.executeBatch());
            several.addBatch("select 1");
            attempt("a query", () -> several.executeBatch());
            if (!autocommit) {
              connection.rollback();
            }
            say(query(connection, "select count(*), sum(n), count(s) from t"));
          }
        }
      }
    }
  }

  static void escapesOfTheDriver() throws Exception {
    try (Connection connection = connect()) {
      PGConnection own = connection.unwrap(PGConnection.class);
      say(own.escapeIdentifier("a\"b"), own.escapeLiteral("a'b\\"), own.getParameterStatus("server_version"));
      say(new TreeMap<>(own.getParameterStatuses()));
      say(connection.nativeSQL("select {fn now()} ?"), connection.isValid(5), connection.getCatalog(), connection.getSchema());
      connection.setSchema("pg_catalog");
      say(connection.getSchema());
      connection.setClientInfo("ApplicationName", "renamed");
      say(connection.getClientInfo(), query(connection, "show application_name"));
    }
  }
}
