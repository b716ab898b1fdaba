#!/bin/sh
# Sessions by SwampDragon's own server. sh api.sh make VALUE | read KEY | end KEY
admin=${SWAMP_DRAGON_ADMIN:-http://127.0.0.1:9998} # admin_listen

ask() { # the token by standard input, since others on the machine see arguments
    printf 'header = "Authorization: Bearer %s"\n' "$SWAMP_DRAGON_ADMIN_TOKEN" |
        curl --config - --silent --show-error --fail-with-body --max-time 10 "$@"
}

case $1 in
make) ask --data-raw "$2" "$admin/sessions" ;;
read) ask "$admin/sessions/$2" ;;
end) ask --request POST "$admin/sessions/$2/revoke" ;; # and close its pages
esac
