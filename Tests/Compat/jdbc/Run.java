import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.Reader;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.sql.*;
import java.util.*;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/** Runs one scenario, {@code Run Class method}, and prints what it observes. */
public class Run {
  static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  interface Action {
    Object run() throws Exception;
  }

  public static void main(String[] arguments) throws Exception {
    try {
      Class.forName(arguments[0]).getDeclaredMethod(arguments[1]).invoke(null);
    } catch (InvocationTargetException failure) {
      throw (Exception) failure.getCause();
    }
  }

  static Properties properties(String... more) {
    Properties all = new Properties();
    all.put("user", System.getenv("PGUSER"));
    all.put("password", System.getenv("COMPAT_PASSWORD"));
    all.put("sslmode", "verify-full");
    all.put("sslrootcert", System.getenv("PGSSLROOTCERT"));
    for (int i = 0; i < more.length; i += 2) {
      all.put(more[i], more[i + 1]);
    }
    return all;
  }

  static String url() {
    return "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/"
        + System.getenv("PGDATABASE");
  }

  static Connection connect(String... more) throws SQLException {
    return DriverManager.getConnection(url(), properties(more));
  }

  static void say(Object... parts) {
    StringBuilder line = new StringBuilder();
    for (Object part : parts) {
      line.append(line.length() == 0 ? "" : " | ").append(shown(part));
    }
    OUT.println(line);
  }

  static String shown(Object value) {
    try {
      if (value instanceof byte[]) {
        byte[] octets = (byte[]) value;
        return "bytes " + octets.length + " " + Arrays.hashCode(octets);
      }
      if (value instanceof java.sql.Array) {
        return "array " + Arrays.deepToString((Object[]) ((java.sql.Array) value).getArray());
      }
      if (value instanceof Object[]) {
        return Arrays.deepToString((Object[]) value);
      }
      if (value instanceof int[]) {
        return Arrays.toString((int[]) value);
      }
      if (value instanceof SQLXML) {
        return "xml " + ((SQLXML) value).getString();
      }
      if (value instanceof Throwable) {
        return told((Throwable) value);
      }
      String text = String.valueOf(value);
      return text.length() > 300 ? text.length() + " chars " + text.hashCode() : text;
    } catch (SQLException failure) {
      return told(failure);
    }
  }

  static String told(Throwable error) {
    StringBuilder text = new StringBuilder(error.getClass().getName());
    text.append(" ").append(error.getMessage());
    if (error instanceof SQLException) {
      text.append(" [").append(((SQLException) error).getSQLState()).append("]");
    }
    if (error instanceof PSQLException) {
      ServerErrorMessage server = ((PSQLException) error).getServerErrorMessage();
      if (server != null) {
        text.append(" {").append(String.join(", ", Arrays.asList(
            server.getSeverity() + "", server.getMessage() + "", server.getDetail() + "",
            server.getHint() + "", server.getWhere() + "", server.getSchema() + "",
            server.getTable() + "", server.getColumn() + "", server.getConstraint() + "",
            server.getDatatype() + "", server.getFile() + "", server.getRoutine() + "",
            server.getLine() + "", server.getPosition() + "", server.getInternalQuery() + "",
            server.getInternalPosition() + ""))).append("}");
      }
    }
    SQLException next = error instanceof SQLException ? ((SQLException) error).getNextException() : null;
    if (next != null && next != error) {
      text.append(" next: ").append(told(next));
    }
    return text.toString();
  }

  /** What the action answers, or the error. */
  static void attempt(Object title, Action action) {
    try {
      say(title, action.run());
    } catch (Exception error) {
      say(title, error);
    }
  }

  /** All rows, with each column's name and type. */
  static String rows(ResultSet result) throws SQLException {
    ResultSetMetaData about = result.getMetaData();
    StringBuilder text = new StringBuilder();
    for (int i = 1; i <= about.getColumnCount(); i++) {
      text.append(about.getColumnName(i)).append(":").append(about.getColumnTypeName(i)).append(" ");
    }
    while (result.next()) {
      text.append("\n ");
      for (int i = 1; i <= about.getColumnCount(); i++) {
        text.append(shown(result.getObject(i))).append(" | ");
      }
    }
    return text.toString();
  }

  static String query(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      boolean isResult = statement.execute(sql);
      StringBuilder text = new StringBuilder();
      while (true) {
        if (isResult) {
          text.append(rows(statement.getResultSet())).append("\n");
        } else if (statement.getUpdateCount() == -1) {
          break;
        } else {
          text.append("count ").append(statement.getUpdateCount()).append("\n");
        }
        isResult = statement.getMoreResults();
      }
      for (SQLWarning w = statement.getWarnings(); w != null; w = w.getNextWarning()) {
        text.append("warning ").append(w.getSQLState()).append(" ").append(w.getMessage()).append("\n");
      }
      return text.toString();
    }
  }

  static byte[] all(InputStream stream) throws Exception {
    ByteArrayOutputStream taken = new ByteArrayOutputStream();
    stream.transferTo(taken);
    return taken.toByteArray();
  }
}
