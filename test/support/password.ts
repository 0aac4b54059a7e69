/** A password and its hash with Argon2id at its cheapest: verifying it costs no time. */

export const PASSWORD = "correct horse battery"
export const PASSWORD_HASH =
  "$argon2id$v=19$m=8,t=1,p=1" +
  "$LlBVclvOpqKsJ/+CxsfOKjaJgwV8dfd31dOnhMwF8os$woimSOneoHJnUBgZaUbVXmk+UWYlAbYaKGtpcJPPQyU"
