# Makes the headers' plain comments doxygen's.
\,//,s,\\,\\\\,g
1{
  s,^// ,/// \\file\n/// ,
  b
}
/^ *\/\/ ---/b
s,^( *)// ?,\1/// ,
s,([;{\,]) +// ,\1 ///< ,
# Doxygen 1.9 knows no specialisation in another namespace.
/^struct std::hash</,/^};/d
